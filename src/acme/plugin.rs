//! `pve_acme_plugin`: how it is proved that a name is ours.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pve_client::{Area, Request};
use serde::Deserialize;
use terraform_plugin::value::Value;
use terraform_plugin::{Cx, Error, Findings, Model, Say, Secret, Timeouts};

use super::users::{names_plugin, users};
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;
use crate::ground::texts;
use crate::section::{Builtin, Family, Live, Right, Section, Sight, Spelling, Told, listed, nodes, plain};

/// A way to prove to a certificate authority that a name is ours: an entry that a DNS provider's API is told to make (`dns`),
/// or a file that the node shows on port 80 (`standalone`).
///
/// PVE does not try the API before a certificate is ordered. It removes a plugin although the configuration of a node names it
/// for a domain; destroying it here is refused as long as one does that can be seen.
///
/// `standalone` is always there: creating it changes it, and destroying it gives it PVE's own settings back.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "acme_plugin", area = "ACME", key(plugin))]
pub struct AcmePlugin {
    /// Its id.
    #[attr(
        required,
        replace,
        regex = texts::CONFIGURATION_ID,
        says = texts::CONFIGURATION_ID_SAYS,
        api = "id"
    )]
    pub plugin: String,
    /// `dns` or `standalone`.
    #[attr(required, replace, one_of = ["dns", "standalone"])]
    pub r#type: String,
    /// The DNS provider, by the word that acme.sh has for its API: `cf`, `hetzner`, `ovh`. Needed for `dns`.
    #[attr(optional, length = 1.., check = texts::one_word)]
    pub api: Option<String>,
    /// What the API wants to be told, by name: `{ CF_Token = "..." }`.
    ///
    /// PVE shows it to whoever may change plugins, and it is not read here; raise `data_version` to have it sent again. What
    /// is left out then is gone.
    #[attr(optional, sensitive, write_only(version = data_version), length = 1.., check = lines)]
    pub data: Option<Secret<BTreeMap<String, String>>>,
    /// Raised to have `data` sent again.
    #[attr(local)]
    pub data_version: Option<u32>,
    /// How many seconds it takes until an entry is seen everywhere, up to 172800 (`dns`). Unset: 30.
    #[attr(optional, check = two_days_at_most, api = "validation-delay")]
    pub validation_delay: Option<u32>,
    /// The nodes that may use it. Unset: all.
    #[attr(optional, length = 1.., each = texts::one_word)]
    pub nodes: Option<BTreeSet<String>>,
    /// Whether it is not used.
    #[attr(keep, usual = false)]
    pub disable: Option<bool>,
    /// How long operations may take.
    #[attr(timeouts(create = "5m", update = "5m", delete = "5m"))]
    pub timeouts: Timeouts,
}

/// The plugin that PVE brings along.
const STANDALONE: &str = "standalone";

fn two_days_at_most(seconds: &u32) -> Result<(), String> {
    // Not in PVE's description, since it is of one type only.
    match seconds {
        0..=172_800 => Ok(()),
        _ => Err("must be 172800 at most".to_owned()),
    }
}

/// Each is a line `NAME=VALUE`.
fn lines(data: &BTreeMap<String, String>) -> Result<(), String> {
    for (name, value) in data {
        let fits = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !fits {
            return Err(format!("must have names of letters, digits and `_`: {name:?} is none"));
        }
        if value.contains(['\n', '\r']) || value.trim() != value {
            return Err(format!("{name}: must be one line without blanks at its ends"));
        }
    }
    Ok(())
}

/// Lines in base64. PVE gives them back as they are, and they are not read.
const DATA: Spelling = Spelling {
    texts: |value| match value {
        Value::Map(of) => {
            let lines = of.iter().filter_map(|(name, value)| Some(format!("{name}={}\n", value.as_str()?)));
            vec![STANDARD.encode(lines.collect::<String>())]
        }
        _ => Vec::new(),
    },
    value: |_| Ok(Value::Null),
};

impl Section for AcmePlugin {
    const FAMILY: Family = Family {
        what: "ACME plugin",
        path: "cluster/acme/plugins",
        file: "priv/acme/plugins.cfg",
        area: Area::File("priv/acme/plugins.cfg"),
        write: Right { path: "/", any: &["Sys.Modify"] },
        sight: Sight::With(Right { path: "/", any: &["Sys.Modify"] }),
        told: Told::ByItself,
        listed_as: Some("plugin"),
        digest: true,
        spelt: &[("data", DATA)],
        ..Family::PLAIN
    };

    const UNLIKE: &'static [(&'static str, &'static str)] =
        &[("validation_delay", "PVE's limit is not in its description, since one type alone has it")];

    fn builtin(key: &AcmePluginKey) -> Builtin {
        if key.plugin == STANDALONE { Builtin::Resets } else { Builtin::No }
    }

    fn validate(config: &AcmePluginPlan, say: &mut Say<Self>) {
        let Some(kind) = config.r#type.text() else { return };
        if kind == "dns" && config.api.is_null() {
            say.error("api", "Which DNS provider", "A plugin of type `dns` has an `api`, such as \"cf\".");
        }
        if config.plugin.text() == Some(STANDALONE) && kind != STANDALONE {
            say.error("type", "PVE's own plugin is of another type", "\"standalone\" is always of type `standalone`.");
        }
        let of_dns = [
            (config.api.is_null(), "api"),
            (config.data.is_null() && config.data_version.is_null(), "data"),
            (config.validation_delay.is_null(), "validation_delay"),
        ];
        for (_, attribute) in of_dns.into_iter().filter(|(unset, _)| kind == STANDALONE && !unset) {
            let what = "The type `standalone` has no API to ask, and PVE refuses it there: leave it out.";
            say.error(attribute, "A setting of DNS plugins", what);
        }
    }

    fn seen(&mut self, live: &Live) {
        if let Some(kind) = live.get("type").and_then(|kind| kind.as_str()) {
            self.r#type = kind.to_owned();
        }
    }

    async fn possible(
        cx: &Cx<Pve>,
        want: &AcmePluginPlan,
        prior: Option<&Self>,
        found: &mut Findings<Self>,
    ) -> Result<(), Error> {
        let before = prior.and_then(|prior| prior.nodes.as_ref()).into_iter().flatten().map(String::as_str);
        let named = want.nodes.known().into_iter().flatten().filter_map(|node| node.text());
        nodes::told_if_missing(cx, named, before, "An ACME plugin", "nodes", found).await?;
        let was = prior.and_then(|prior| prior.api.as_deref());
        let Some(api) = want.api.text().filter(|api| Some(*api) != was) else { return Ok(()) };
        let known = apis(cx).await?;
        if !known.contains(api) {
            let what = format!("Nothing was written. There are: {}.", listed(&known));
            found.mendable(Problem::new(format!("PVE knows no DNS API \"{api}\""), what).at("api"));
        }
        Ok(())
    }

    async fn removable(cx: &Cx<Pve>, was: &Self, found: &mut Findings<Self>) -> Result<(), Error> {
        if was.plugin == STANDALONE {
            return Ok(());
        }
        let users = users(cx, |settings| names_plugin(settings, &was.plugin)).await?;
        if !users.is_empty() {
            let what = format!(
                "PVE would remove it all the same, and certificates would not be renewed. Nothing was written. Name another one in the \
                 configuration of: {}.",
                listed(&users)
            );
            found.mendable(Problem::new(format!("ACME plugin \"{}\" is in use", was.plugin), what));
        }
        Ok(())
    }
}

plain!(AcmePlugin, "acme_plugins");

/// The DNS providers that PVE knows.
async fn apis(cx: &Cx<Pve>) -> Result<BTreeSet<String>, Problem> {
    #[derive(Deserialize)]
    struct Challenge {
        id: String,
        #[serde(rename = "type")]
        kind: String,
    }
    let request = Request::get("cluster/acme/challenge-schema");
    let all: Arc<Vec<Challenge>> =
        cx.client.shared(Area::Version, request).await.during("Cannot list the DNS APIs that PVE knows")?;
    Ok(all.iter().filter(|challenge| challenge.kind == "dns").map(|challenge| challenge.id.clone()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_are_lines_in_base64() {
        let of =
            [("CF_Token", "t"), ("A", "b=c")].map(|(name, value)| (name.to_owned(), Value::string(value.to_owned())));
        assert_eq!((DATA.texts)(&Value::Map(BTreeMap::from(of))), [STANDARD.encode("A=b=c\nCF_Token=t\n")]);
        let one = |name: &str, value: &str| lines(&BTreeMap::from([(name.to_owned(), value.to_owned())]));
        assert_eq!(one("CF_Token", "a b"), Ok(()));
        for (name, value) in [("", "a"), ("A B", "a"), ("A", "a\nB=c"), ("A", " a")] {
            assert!(one(name, value).is_err(), "{name:?} {value:?}");
        }
    }
}
