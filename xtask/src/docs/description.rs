//! The provider's description of itself: what `terraform-provider-pve docs-json` prints.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// The whole provider.
#[derive(Deserialize)]
pub(super) struct Provider {
    pub(super) name: String,
    pub(super) provider: Object,
    pub(super) resources: BTreeMap<String, Object>,
    pub(super) data_sources: BTreeMap<String, Object>,
    /// List resources, by the type that each lists.
    #[serde(default)]
    pub(super) lists: BTreeMap<String, Object>,
    #[serde(default)]
    pub(super) actions: BTreeMap<String, Object>,
    #[serde(default)]
    pub(super) ephemeral: BTreeMap<String, Object>,
    #[serde(default)]
    pub(super) functions: BTreeMap<String, Function>,
}

/// A function.
#[derive(Deserialize)]
pub(super) struct Function {
    /// The first paragraph of the description.
    pub(super) summary: String,
    pub(super) description: String,
    pub(super) parameters: Vec<Attribute>,
    /// Whether the last parameter takes all arguments that are left.
    #[serde(default)]
    pub(super) variadic: bool,
    pub(super) returns: Attribute,
}

impl Provider {
    /// A type's name without the provider's prefix.
    pub(super) fn short<'a>(&self, name: &'a str) -> &'a str {
        name.strip_prefix(&format!("{}_", self.name)).unwrap_or(name)
    }
}

/// The provider's configuration, a resource or a data source.
#[derive(Deserialize)]
pub(super) struct Object {
    #[serde(default)]
    pub(super) area: String,
    pub(super) description: String,
    pub(super) attributes: Vec<Attribute>,
    #[serde(default)]
    pub(super) key: Vec<String>,
    #[serde(default)]
    pub(super) checks: Vec<String>,
    #[serde(default)]
    pub(super) needs: Vec<Need>,
    #[serde(default)]
    pub(super) left_out: Vec<LeftOut>,
    #[serde(default)]
    pub(super) moves: Vec<Move>,
    /// The attribute that says whether it is complete.
    #[serde(default)]
    pub(super) ready: Option<String>,
}

/// Types of another provider whose objects it takes over.
#[derive(Deserialize)]
pub(super) struct Move {
    pub(super) provider: String,
    pub(super) from: Vec<String>,
}

/// What PVE has and the object does not manage.
#[derive(Deserialize)]
pub(super) struct LeftOut {
    /// As PVE calls it.
    pub(super) name: String,
    pub(super) why: String,
}

/// What somebody has to be allowed to do.
#[derive(Deserialize)]
pub(super) struct Need {
    /// `plan` or `apply`.
    pub(super) job: String,
    pub(super) path: String,
    /// An attribute, and how its value begins where this is needed; in the path it stands for the rest.
    pub(super) only: Option<(String, String)>,
    /// One of these privileges; none: only `root@pam` will do.
    pub(super) any: Vec<String>,
}

/// An attribute.
#[derive(Deserialize)]
pub(super) struct Attribute {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) rule: String,
    #[serde(default)]
    pub(super) flags: Vec<String>,
    /// Conditions that it has to meet, in words.
    #[serde(default)]
    pub(super) told: Vec<String>,
    #[serde(default)]
    pub(super) default: Value,
    #[serde(default)]
    pub(super) deprecated: Option<String>,
    /// Of a write-only attribute: the one whose change has it sent again.
    #[serde(default)]
    pub(super) version: Option<String>,
    /// For plain attributes.
    #[serde(default, rename = "type")]
    pub(super) kind: Option<String>,
    /// For nested attributes: `single`, `list`, `set`, `map`.
    #[serde(default)]
    pub(super) nesting: Option<String>,
    /// For nested attributes.
    #[serde(default)]
    pub(super) attributes: Vec<Attribute>,
}

impl Attribute {
    /// Whether the configuration can say it.
    pub(super) fn is_argument(&self) -> bool {
        self.rule != "computed"
    }

    /// Whether it has a flag.
    pub(super) fn is(&self, flag: &str) -> bool {
        self.flags.iter().any(|given| given == flag)
    }

    /// Its type, as the registry's pages write it.
    pub(super) fn kind(&self) -> String {
        match (self.nesting.as_deref(), &self.kind) {
            (Some("single"), _) => "Attributes".to_owned(),
            (Some(nesting), _) => format!("Attributes {}", capital(nesting)),
            (None, Some(kind)) => plain(kind),
            (None, None) => String::new(),
        }
    }
}

/// `set(string)` as `Set of String`.
fn plain(kind: &str) -> String {
    match kind.strip_suffix(')').and_then(|kind| kind.split_once('(')) {
        Some((collection, element)) => format!("{} of {}", capital(collection), plain(element)),
        None if kind == "bool" => "Boolean".to_owned(),
        None => capital(kind),
    }
}

/// The text with a capital at its beginning.
pub(super) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
