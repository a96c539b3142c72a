//! Settings of a guest: its configuration, a VM's or a container's, as attributes of a model, by the model's schema alone.
//!
//! A guest's configuration is a list of settings, each with one text (`cores: 2`, `vga: qxl,memory=32`). Here it is a map of
//! such texts ([`Texts`]), and a model's attributes say what they are:
//!
//! | attribute | setting |
//! |---|---|
//! | `#[attr(keep, api = "cpulimit", usual = 0_u32)] cpu_limit: Option<u32>` | one of that name; `api` only where PVE's name differs |
//! | `vga: Option<Vga>`, where `Vga` is `Nested` | a property string; each attribute of `Vga` is a part of it |
//! | in `Vga`: `api = "=type"` | the part that stands without its name; `type` is the name that it may be written with |
//! | `#[attr(keep, api = "usb")] usb: Option<BTreeMap<String, Usb>>` | `usb0`, `usb1`, ...: the keys of the map are PVE's own; how many there are stands in [`Settings::NUMBERED`] |
//! | in `Vga`: `api = "freeze-fs|guest-fsfreeze"` | a part with several names: the first is written |
//! | `api = "*"` on a nested object | none: its attributes are settings (or parts) of their own, which the object only holds together |
//! | `local`, `computed`, `write_only` | none: left to whoever has the model |
//!
//! What holds for all of them:
//!
//! - **Unset means left alone** (`keep`); with `optional`, unset means not there.
//! - Texts are compared **by meaning**: by their values, with defaults (`usual`) filled in, in any order, with or without the
//!   name of the part that needs none. What is there and means the same is never written again, and the state keeps what was
//!   asked for.
//! - **What is not modelled survives**: of a property string only the parts that differ are changed.
//! - Where there is nothing, the state says what holds: defaults, and empty maps.
//! - An empty text, an empty list, and an object in which nothing is set (of `optional` parts) take a setting away.
//! - What cannot be read counts as not there.
//!
//! A model implements [`Settings`], which may be empty, and is flattened into the resource:
//!
//! ```ignore
//! #[derive(Nested, Clone, Debug, Default, PartialEq)]
//! pub struct Options { #[attr(keep, usual = false)] onboot: Option<bool>, features: Option<Features>, .. }
//! impl Settings for Options {}
//!
//! #[derive(Model, ..)] pub struct Container { #[attr(flatten)] pub options: Options, .. }
//!
//! // What was read:            guest::read::<Options>(&config.settings, asked)
//! // What is to be written:    guest::params(&want.options, prior, live, Params::new())
//! // Of a refused parameter:   guest::attribute::<Options>("features")
//! // After an update:          guest::as_planned(&mut found, prior, want)
//! // In `validate`:            guest::validate::<Options, _>(&config.options, say)
//! ```
//!
//! What is more than settings (disks that are made, grown and moved; cards whose address PVE makes up) has its own code, and may
//! use [`parts`] for its property strings, as `vm::vm::disks` does.

pub mod ending;
pub mod known;
pub mod machine;
pub mod migrating;
pub mod node;
pub mod parts;
pub mod power;
pub mod removed;
pub mod spellings;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use pve_client::api::params::Params;
use pve_client::property_string::PropertyString;
use serde_json::Value as Json;
use terraform_plugin::model::Object;
use terraform_plugin::schema::{Attribute, Kind, Nesting, Rule};
use terraform_plugin::value::{Type, Value};
use terraform_plugin::{Path, Say};

use crate::ground::wire::{self, Spelling, is_sent};

/// A guest's settings as PVE has them.
pub type Texts = BTreeMap<String, String>;

/// An object's attributes by name.
pub(crate) type Values = BTreeMap<String, Value>;

/// A model whose attributes are settings.
pub trait Settings: Object {
    /// Attributes that PVE writes in a way that their types do not tell.
    const SPELT: &'static [(&'static str, Spelling)] = &[];

    /// Of the attributes that stand for several settings with numbers, the highest number.
    const NUMBERED: &'static [(&'static str, u16)] = &[];
}

/// The name of objects that hold settings together and are none themselves.
const GROUP: &str = "*";

/// What an attribute is to PVE.
enum Form<'a> {
    /// Attributes that are settings of their own.
    Group(&'a [Attribute]),
    /// A property string.
    Parts(&'a [Attribute]),
    /// One for each number: property strings, or texts.
    Numbered(Option<&'a [Attribute]>),
    /// One text.
    Text,
}

impl<'a> Form<'a> {
    fn of(attribute: &'a Attribute) -> Self {
        match &attribute.kind {
            Kind::Nested(Nesting::Single, parts) if attribute.parameter() == GROUP => Self::Group(parts),
            Kind::Nested(Nesting::Single, parts) => Self::Parts(parts),
            Kind::Nested(Nesting::Map, parts) => Self::Numbered(Some(parts)),
            Kind::Plain(Type::Map(_)) => Self::Numbered(None),
            _ => Self::Text,
        }
    }
}

/// The attributes as the guest has them. `asked` is what the state or the plan says: where that means the same as what is
/// there, it stands.
pub fn read<T: Settings>(live: &Texts, asked: Option<&T>) -> T {
    let asked = asked.map(Object::encode);
    let reader = Reader { spelt: T::SPELT, live };
    let found = reader.all(&T::attributes(), asked.as_ref());
    T::decode(&found).unwrap_or_else(|_| {
        // One of them is nothing that the model can hold: left out, as if it were not there.
        let mut fits = Values::new();
        for (name, value) in found {
            fits.insert(name.clone(), value);
            if T::decode(&fits).is_err() {
                fits.remove(&name);
            }
        }
        T::decode(&fits)
            .or_else(|_| T::decode(&Values::new()))
            .unwrap_or_else(|fault| unreachable!("settings may all be unset: {fault}"))
    })
}

struct Reader<'a> {
    spelt: &'a [(&'a str, Spelling)],
    live: &'a Texts,
}

impl Reader<'_> {
    fn all(&self, attributes: &[Attribute], asked: Option<&Values>) -> Values {
        let one = |attribute: &Attribute| {
            let asked = asked.and_then(|asked| asked.get(&attribute.name)).filter(|value| !value.is_null());
            (attribute.name.clone(), self.one(attribute, asked))
        };
        attributes.iter().map(one).collect()
    }

    fn one(&self, attribute: &Attribute, asked: Option<&Value>) -> Value {
        if !is_sent(attribute) || attribute.write_only {
            return asked.filter(|_| attribute.local).cloned().unwrap_or(Value::Null);
        }
        match Form::of(attribute) {
            Form::Group(inner) => {
                let found = self.all(inner, asked.and_then(parts::of_object));
                let nothing = |attribute: &Attribute| {
                    let value = found.get(&attribute.name).unwrap_or(&Value::Null);
                    value.is_null() || attribute.usual.as_ref() == Some(value)
                };
                if asked.is_none() && inner.iter().all(nothing) { Value::Null } else { Value::Object(found) }
            }
            Form::Parts(inner) => parts::read(inner, self.live.get(attribute.parameter()), asked),
            Form::Numbered(inner) => {
                let asked_of = |key: &str| match asked {
                    Some(Value::Map(asked)) => asked.get(key),
                    _ => None,
                };
                let reads = |text: &str| inner.is_none() || text.parse::<PropertyString>().is_ok();
                let numbered =
                    self.live.iter().filter(|(key, text)| number(key, attribute.parameter()).is_some() && reads(text));
                let one = |(key, text): (&String, &String)| {
                    let value = match inner {
                        Some(inner) => parts::read(inner, Some(text), asked_of(key)),
                        None => Value::string(text.clone()),
                    };
                    (key.clone(), value)
                };
                Value::Map(numbered.map(one).filter(|(_, value)| !value.is_null()).collect())
            }
            Form::Text => {
                let found = self.value(attribute);
                match asked {
                    Some(asked)
                        if (found.is_null() && self.texts(attribute, asked).is_none())
                            || parts::same(attribute, asked, &found) =>
                    {
                        asked.clone()
                    }
                    _ => found,
                }
            }
        }
    }

    /// The value that is stored, or that holds when none is.
    fn value(&self, attribute: &Attribute) -> Value {
        let json = self.live.get(attribute.parameter()).map(|text| Json::String(text.clone())).unwrap_or(Json::Null);
        let said = match spelling(self.spelt, attribute) {
            _ if json.is_null() => Ok(Value::Null),
            Some(spelling) => (spelling.value)(&json),
            None => wire::value(&attribute.kind, &json),
        };
        match said {
            Ok(Value::Null) | Err(_) => attribute.usual.clone().unwrap_or(Value::Null),
            Ok(value) => value,
        }
    }

    fn texts(&self, attribute: &Attribute, value: &Value) -> Option<String> {
        let texts = match spelling(self.spelt, attribute) {
            Some(spelling) => (spelling.texts)(value),
            None => wire::texts(attribute, value),
        };
        texts.into_iter().next().filter(|text| !text.is_empty())
    }
}

fn spelling(spelt: &[(&str, Spelling)], attribute: &Attribute) -> Option<Spelling> {
    spelt.iter().find(|(name, _)| *name == attribute.name).map(|(_, spelling)| *spelling)
}

/// Adds to the parameters of a create or an update what PVE is to be told so that `live` (nothing: a guest to be made) becomes
/// what is wanted. Of numbered settings, those are taken away that `prior` has and `want` has not.
pub fn params<T: Settings>(want: &T, prior: Option<&T>, live: Option<&Texts>, params: Params) -> Params {
    let none = Texts::new();
    let reader = Reader { spelt: T::SPELT, live: live.unwrap_or(&none) };
    let (want, prior) = (want.encode(), prior.map(Object::encode));
    reader.params(&T::attributes(), &want, prior.as_ref(), params)
}

impl Reader<'_> {
    fn params(&self, attributes: &[Attribute], want: &Values, prior: Option<&Values>, mut params: Params) -> Params {
        for attribute in attributes.iter().filter(|a| is_sent(a) && !a.write_only) {
            let prior = prior.and_then(|prior| prior.get(&attribute.name));
            let wanted = want.get(&attribute.name).unwrap_or(&Value::Null);
            let name = attribute.parameter();
            params = match (Form::of(attribute), wanted) {
                (Form::Group(inner), Value::Object(wanted)) => {
                    self.params(inner, wanted, prior.and_then(parts::of_object), params)
                }
                (Form::Numbered(inner), Value::Map(wanted)) => self.numbered(attribute, inner, wanted, prior, params),
                (Form::Parts(inner), Value::Object(wanted)) => self.property_string(name, inner, wanted, params),
                (Form::Text, wanted) if !wanted.is_null() => match self.texts(attribute, wanted) {
                    // Of a new guest, or one without it, there is nothing to be taken away.
                    None => self.remove(name, params),
                    Some(text) if !parts::same(attribute, wanted, &self.value(attribute)) => params.set(name, text),
                    Some(_) => params,
                },
                (Form::Text | Form::Parts(_), Value::Null) if attribute.rule == Rule::Optional => {
                    self.remove(name, params)
                }
                _ => params,
            };
        }
        params
    }

    fn numbered(
        &self,
        attribute: &Attribute,
        inner: Option<&[Attribute]>,
        wanted: &Values,
        prior: Option<&Value>,
        mut params: Params,
    ) -> Params {
        for (key, value) in wanted {
            if number(key, attribute.parameter()).is_none() {
                continue;
            }
            params = match (inner, value) {
                (Some(inner), Value::Object(value)) => self.property_string(key, inner, value, params),
                (None, Value::String(text)) if self.live.get(key) != Some(text) => params.set(key, text),
                _ => params,
            };
        }
        let before = match prior {
            Some(Value::Map(before)) => before.keys().collect(),
            _ => Vec::new(),
        };
        let gone = before.into_iter().filter(|key| !wanted.contains_key(*key));
        gone.fold(params, |params, key| self.remove(key, params))
    }

    fn property_string(&self, name: &str, inner: &[Attribute], wanted: &Values, params: Params) -> Params {
        let live = self.live.get(name);
        match parts::changed(inner, live, wanted) {
            None => params,
            Some(text) if text.is_empty() => self.remove(name, params),
            Some(text) => params.set(name, text),
        }
    }

    fn remove(&self, name: &str, params: Params) -> Params {
        if self.live.contains_key(name) { params.remove(name) } else { params }
    }
}

/// The number in `usb3`, if that is what it is.
pub fn number(key: &str, prefix: &str) -> Option<u16> {
    let digits = key.strip_prefix(prefix)?;
    let number: u16 = digits.parse().ok()?;
    // `usb01` is not what PVE calls it.
    (number.to_string() == digits).then_some(number)
}

/// The attribute that a parameter of PVE belongs to.
pub fn attribute<T: Settings>(parameter: &str) -> Option<Path> {
    fn among(attributes: &[Attribute], at: &Path, parameter: &str) -> Option<Path> {
        attributes.iter().filter(|a| is_sent(a)).find_map(|attribute| {
            let here = at.at(&attribute.name);
            match Form::of(attribute) {
                Form::Group(inner) => among(inner, &here, parameter),
                Form::Numbered(_) => number(parameter, attribute.parameter()).map(|_| here.key(parameter)),
                Form::Parts(_) | Form::Text => (attribute.parameter() == parameter).then_some(here),
            }
        })
    }
    among(&T::attributes(), &Path::root(), parameter)
}

/// Refuses keys of numbered settings that PVE does not have.
pub fn validate<T: Settings, M>(config: &T::Plan, say: &mut Say<M>) {
    let (config, attributes) = (T::encode_plan(config), T::attributes());
    for (name, last) in T::NUMBERED {
        let Some(Value::Map(entries)) = config.get(*name) else { continue };
        let prefix = attributes.iter().find(|a| a.name == *name).map_or(*name, Attribute::parameter);
        for key in entries.keys().filter(|key| number(key, prefix).is_none_or(|number| number > *last)) {
            let at = Path::attr(*name).key(key);
            say.error(at, "PVE has no such setting", format!("\"{key}\" is none of {prefix}0 to {prefix}{last}."));
        }
    }
}

/// The state after an update: what nobody asked for, and somebody set meanwhile, is not planned, and the next refresh tells of
/// it.
pub fn as_planned<T: Object>(found: &mut T, prior: &T, want: &T) {
    let mut values = Value::Object(found.encode());
    hold(&mut values, &Value::Object(prior.encode()), &Value::Object(want.encode()));
    if let Value::Object(values) = values
        && let Ok(held) = T::decode(&values)
    {
        *found = held;
    }
}

/// What was not there, and is not wanted, is planned as not being there. What was not there as a whole may come out as anything.
fn hold(found: &mut Value, prior: &Value, want: &Value) {
    match (found, prior, want) {
        (found, Value::Null, Value::Null) => *found = Value::Null,
        (Value::Object(found), Value::Object(prior), Value::Object(want)) => {
            for (name, found) in found {
                if let (Some(prior), Some(want)) = (prior.get(name), want.get(name)) {
                    hold(found, prior, want);
                }
            }
        }
        (Value::Map(found), prior, Value::Map(want)) => {
            found.retain(|key, _| want.contains_key(key));
            let Value::Map(prior) = prior else { return };
            for (key, found) in found {
                if let (Some(prior), Some(want)) = (prior.get(key), want.get(key)) {
                    hold(found, prior, want);
                }
            }
        }
        _ => {}
    }
}
