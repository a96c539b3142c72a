//! Paths into values.

use std::fmt;

use tfplugin6 as tf;
use tfplugin6::attribute_path::step::Selector;

use crate::value::Value;

/// One step further in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Into an attribute of an object.
    Attribute(String),
    /// Into an element of a map.
    Key(String),
    /// Into an element of a list.
    Index(usize),
    /// Into an element of a set, which has no name.
    Element,
}

/// The way to a value inside another.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path(pub Vec<Step>);

impl Path {
    /// Where the way begins.
    pub const ROOT: Self = Self(Vec::new());

    /// One step further.
    #[must_use]
    pub fn then(&self, step: Step) -> Self {
        Self(self.0.iter().cloned().chain([step]).collect())
    }

    /// Into an attribute.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Self {
        self.then(Step::Attribute(name.to_owned()))
    }

    /// A path as providers send it.
    #[must_use]
    pub fn from_proto(path: &tf::AttributePath) -> Self {
        let step = |step: &tf::attribute_path::Step| match step.selector.as_ref()? {
            Selector::AttributeName(name) => Some(Step::Attribute(name.clone())),
            Selector::ElementKeyString(key) => Some(Step::Key(key.clone())),
            Selector::ElementKeyInt(n) => usize::try_from(*n).ok().map(Step::Index),
        };
        Self(path.steps.iter().filter_map(step).collect())
    }

    /// What is there, if the way leads somewhere. Behind a null there is nothing; behind what is unknown, an unknown.
    #[must_use]
    pub fn find(&self, value: &Value) -> Option<Value> {
        let mut here = value.clone();
        for step in &self.0 {
            if let Value::Dynamic(inner) = here {
                here = inner.1;
            }
            here = match (step, &here) {
                (_, Value::Unknown(_)) => Value::UNKNOWN,
                (Step::Attribute(name) | Step::Key(name), Value::Object(of) | Value::Map(of)) => of.get(name)?.clone(),
                (Step::Index(n), Value::List(of)) => of.get(*n)?.clone(),
                _ => return None,
            };
        }
        Some(here)
    }
}

impl fmt::Display for Path {
    /// `.disks["scsi0"].size`, as Terraform puts it behind an address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.0 {
            match step {
                Step::Attribute(name) => write!(f, ".{name}")?,
                Step::Key(key) => write!(f, "[{}]", crate::value::quoted(key))?,
                Step::Index(n) => write!(f, "[{n}]")?,
                Step::Element => f.write_str("[...]")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_and_followed() {
        let value = Value::object([
            ("disks", Value::map([("scsi0", Value::object([("size", "8G".into())]))])),
            ("tags", Value::List(vec!["a".into()])),
            ("later", Value::UNKNOWN),
            ("nothing", Value::Null),
        ]);
        let size = Path::ROOT.attribute("disks").then(Step::Key("scsi0".to_owned())).attribute("size");
        assert_eq!(size.to_string(), r#".disks["scsi0"].size"#);
        assert_eq!(size.find(&value), Some("8G".into()));
        assert_eq!(Path::ROOT.attribute("tags").then(Step::Index(0)).find(&value), Some("a".into()));
        assert_eq!(Path::ROOT.attribute("tags").then(Step::Index(1)).find(&value), None);
        assert_eq!(Path::ROOT.attribute("later").attribute("x").find(&value), Some(Value::UNKNOWN));
        assert_eq!(Path::ROOT.attribute("nothing").attribute("x").find(&value), None);
        assert_eq!(Path::ROOT.attribute("none").find(&value), None);
    }
}
