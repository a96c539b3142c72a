//! The requests of a plain object, and what PVE answers, by its schema and family.

use pve_client::{Request, segment};
use serde_json::Value as Json;
use terraform_plugin::schema::{Attribute, Rule};
use terraform_plugin::value::Value;
use terraform_plugin::{Key, Path};

use super::{Made, Section, Spelling, Unset};
use crate::ground::wire::{self, Live, is_sent};

/// A template with the key's parts in it.
pub(super) fn filled<S: Section>(template: &str, key: &S::Key) -> String {
    key.encode().iter().fold(template.to_owned(), |template, (name, value)| {
        template.replace(&format!("{{{name}}}"), &plain(value).unwrap_or_default())
    })
}

fn spelling<S: Section>(attribute: &Attribute) -> Option<Spelling> {
    S::FAMILY.spelt.iter().find(|(name, _)| *name == attribute.name).map(|(_, spelling)| *spelling)
}

/// The texts that PVE takes for an attribute.
fn texts<S: Section>(attribute: &Attribute, value: &Value) -> Vec<String> {
    match spelling::<S>(attribute) {
        Some(spelling) => (spelling.texts)(value),
        None => wire::texts(attribute, value),
    }
}

/// The value that PVE means.
fn value<S: Section>(attribute: &Attribute, json: &Json) -> Result<Value, String> {
    match spelling::<S>(attribute) {
        Some(spelling) => (spelling.value)(json),
        None => wire::value(&attribute.kind, json),
    }
}

/// The collection's path.
pub(super) fn collection<S: Section>(key: &S::Key) -> String {
    key.encode().iter().fold(S::FAMILY.path.to_owned(), |template, (name, value)| {
        template.replace(&format!("{{{name}}}"), &segment(&plain(value).unwrap_or_default()))
    })
}

/// The path of one object.
pub(super) fn place<S: Section>(key: &S::Key) -> String {
    if S::FAMILY.made == Made::Already || S::FAMILY.in_parameters {
        return collection::<S>(key);
    }
    let key_parts = key.encode();
    let last = own_fields::<S>().filter_map(|name| plain(key_parts.get(name)?)).collect::<Vec<_>>().join("/");
    format!("{}/{}", collection::<S>(key), segment(&last))
}

/// The key's fields that tell an object from others in its collection.
fn own_fields<S: Section>() -> impl Iterator<Item = &'static str> {
    S::Key::FIELDS.iter().copied().filter(|name| !S::FAMILY.path.contains(&format!("{{{name}}}")))
}

/// With the key among the parameters.
fn with_key<S: Section>(request: Request, key: &S::Key) -> Request {
    let (attributes, parts) = (S::attributes(), key.encode());
    own_fields::<S>().fold(request, |request, name| {
        let parameter = attributes.iter().find(|a| a.name == name).map_or(name, |a| a.parameter());
        request.opt(parameter, parts.get(name).and_then(plain))
    })
}

/// A request about one object, at its path.
pub(super) fn about<S: Section>(request: Request, key: &S::Key) -> Request {
    if S::FAMILY.in_parameters { with_key::<S>(request, key) } else { request }
}

/// What an entry of the list calls a part of the key.
fn in_list<'a, S: Section>(attributes: &'a [Attribute], name: &'a str) -> &'a str {
    let called = || attributes.iter().find(|a| a.name == name).map_or(name, |a| a.parameter());
    S::FAMILY.listed_as.unwrap_or_else(called)
}

/// Whether an entry of the list is the one with this key.
pub(super) fn is<S: Section>(live: &Live, key: &S::Key) -> bool {
    let (attributes, key) = (S::attributes(), key.encode());
    own_fields::<S>().all(|name| {
        let said = live
            .get(in_list::<S>(&attributes, name))
            .map(|json| json.as_str().map_or_else(|| json.to_string(), str::to_owned));
        said.is_some() && said == key.get(name).and_then(plain)
    })
}

/// Whether an entry of the list tells which one it is.
pub(super) fn is_named<S: Section>(live: &Live) -> bool {
    let attributes = S::attributes();
    own_fields::<S>()
        .all(|name| live.get(in_list::<S>(&attributes, name)).is_some_and(|json| json.is_string() || json.is_number()))
}

/// The key of an entry of the list of a collection without parts of the key in its path.
pub(super) fn key_of_entry<S: Section>(live: &Live) -> Option<S::Key> {
    let attributes = S::attributes();
    let of_key = attributes.iter().filter(|a| S::Key::FIELDS.contains(&a.name.as_str()));
    let parts =
        of_key.map(|a| Some((a.name.clone(), value::<S>(a, live.get(in_list::<S>(&attributes, &a.name))?).ok()?)));
    S::Key::decode(&parts.collect::<Option<_>>()?).ok()
}

/// The model of what PVE said. What is odd about it is put right by the object itself.
pub(super) fn model<S: Section>(live: &Live, key: &S::Key) -> Result<S, String> {
    let mut found = key.encode();
    for attribute in S::attributes().iter().filter(|a| !a.local && !a.write_only) {
        if found.contains_key(&attribute.name) {
            continue;
        }
        let name = attribute.parameter();
        let said = live.get(name).map_or(Ok(Value::Null), |json| value::<S>(attribute, json));
        let said = said.map_err(|why| format!("`{name}`: {why}."))?;
        let said = if said.is_null() { attribute.usual.clone().unwrap_or(Value::Null) } else { said };
        found.insert(attribute.name.clone(), said);
    }
    let mut model = S::decode(&found).map_err(|fault| fault.to_string())?;
    model.seen(live);
    Ok(model)
}

/// What PVE is to be told.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Settings {
    set: Vec<(String, String)>,
    gone: Vec<String>,
}

impl Settings {
    /// Everything that is set.
    pub(super) fn all<S: Section>(want: &S) -> Self {
        Self::what::<S>(want, |attribute, want| (texts::<S>(attribute, want), false))
    }

    /// What differs from what is there. `prior` tells whether a secret is to be sent again.
    pub(super) fn difference<S: Section>(want: &S, live: &S, prior: &S) -> Self {
        let (is, was, wanted) = (live.encode(), prior.encode(), want.encode());
        Self::what::<S>(want, |attribute, want| {
            let texts = self::texts::<S>(attribute, want);
            if S::FAMILY.apart.contains(&&*attribute.name) {
                return Default::default();
            }
            if let Some(version) = &attribute.version {
                let again = was.get(version) != wanted.get(version);
                return if again { (texts, attribute.rule == Rule::Optional) } else { Default::default() };
            }
            // What cannot be changed has replaced the object.
            if attribute.replace || attribute.write_only || texts == self::texts::<S>(attribute, &is[&attribute.name]) {
                return Default::default();
            }
            // `keep` leaves alone what is unset; a value that PVE writes by saying nothing takes away what is said.
            let says_nothing = !want.is_null() && texts.is_empty() && spelling::<S>(attribute).is_some();
            (texts, attribute.rule == Rule::Optional || says_nothing)
        })
    }

    /// What is taken away of what is always there: all that the state holds.
    pub(super) fn taken_away<S: Section>(was: &S) -> Self {
        let all = Self::what::<S>(was, |_, was| (Vec::new(), !was.is_null()));
        Self { set: Vec::new(), ..all }
    }

    /// The names of the attributes that are set in PVE and not wanted, as far as that takes them away.
    pub(super) fn unwanted<S: Section>(want: &S::Plan, live: &S) -> Vec<String> {
        let (want, live) = (S::encode_plan(want), live.encode());
        let optional = |a: &&Attribute| is_sent(a) && a.rule == Rule::Optional && !a.write_only;
        let unwanted = |a: &&Attribute| want[&a.name].is_null() && !live[&a.name].is_null();
        S::attributes().iter().filter(optional).filter(unwanted).map(|a| a.name.clone()).collect()
    }

    /// For each attribute what to set, and whether nothing means to take it away.
    fn what<S: Section>(want: &S, of: impl Fn(&Attribute, &Value) -> (Vec<String>, bool)) -> Self {
        let (mut settings, want) = (Self::default(), want.encode());
        for attribute in S::attributes().iter().filter(|a| is_sent(a) && !S::Key::FIELDS.contains(&&*a.name)) {
            let name = attribute.parameter();
            match of(attribute, &want[&attribute.name]) {
                (texts, true) if texts.is_empty() => settings.gone.push(name.to_owned()),
                (texts, _) => settings.set.extend(texts.into_iter().map(|text| (name.to_owned(), text))),
            }
        }
        settings
    }

    /// Whether there is nothing to tell.
    pub(super) fn is_empty(&self) -> bool {
        self.set.is_empty() && self.gone.is_empty()
    }

    fn onto(self, request: Request) -> Request {
        self.set.into_iter().fold(request, |request, (name, value)| request.param(name, value))
    }

    /// The request that makes the object.
    pub(super) fn post<S: Section>(self, key: &S::Key) -> Request {
        let path = match S::FAMILY.made {
            Made::InTheCollection => collection::<S>(key),
            Made::InItsPlace | Made::Already => place::<S>(key),
        };
        let request = Request::post(path);
        let request = if S::FAMILY.made == Made::InTheCollection { with_key::<S>(request, key) } else { request };
        S::FAMILY.fixed.iter().fold(self.onto(request), |request, (name, value)| request.param(*name, value))
    }

    /// The request that changes it.
    pub(super) fn put<S: Section>(self, path: String, want: &S, digest: Option<&str>) -> Request {
        let mut request = if S::FAMILY.posted { Request::post(path) } else { Request::put(path) };
        if let Some(key) = want.key() {
            request = about::<S>(request, &key);
        }
        let values = want.encode();
        for attribute in S::attributes().iter().filter(|a| S::FAMILY.always.contains(&&*a.name)) {
            if !self.set.iter().any(|(name, _)| name == attribute.parameter()) {
                let texts = texts::<S>(attribute, &values[&attribute.name]);
                request = texts.into_iter().fold(request, |request, text| request.param(attribute.parameter(), text));
            }
        }
        for (name, value) in S::FAMILY.fixed.iter().filter(|_| S::FAMILY.fixed_in_changes) {
            request = request.param(*name, value);
        }
        let gone = self.gone.clone();
        request = self.onto(request).opt("digest", digest);
        match S::FAMILY.unset {
            _ if gone.is_empty() => request,
            Unset::Delete => request.param("delete", gone.join(",")),
            Unset::DeleteEach => gone.iter().fold(request, |request, name| request.param("delete", name)),
            Unset::EmptyText => gone.iter().fold(request, |request, name| request.param(name, "")),
            // What is not said is gone.
            Unset::Whole => request,
        }
    }
}

/// The attribute that a parameter of PVE belongs to.
pub(super) fn attribute<S: Section>(parameter: &str) -> Option<Path> {
    S::attributes().iter().find(|a| a.parameter() == parameter).map(|a| Path::attr(&a.name))
}

fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
