//! Where in an object something is: `disks["scsi0"].size`.

use std::fmt;

use tfplugin6::AttributePath;
use tfplugin6::attribute_path::{self, step::Selector};

/// One step of a [`Path`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Into an attribute of an object, by name.
    Attribute(String),
    /// Into an element of a map, by key.
    Key(String),
    /// Into an element of a list, by position from 0.
    Index(usize),
}

/// A place inside an object, from its root. Empty = the object as a whole.
/// Elements of sets cannot be addressed: a path ends at the set (protocol, `AttributePath`).
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Path(Vec<Step>);

impl Path {
    /// The object as a whole.
    pub const fn root() -> Self {
        Self(Vec::new())
    }

    /// A path of one attribute.
    pub fn attr(name: impl Into<String>) -> Self {
        Self::root().join(Step::Attribute(name.into()))
    }

    /// This path and one step more.
    #[must_use]
    pub fn join(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }

    /// This path and an attribute below it.
    #[must_use]
    pub fn at(&self, name: impl Into<String>) -> Self {
        self.join(Step::Attribute(name.into()))
    }

    /// This path and a map element below it.
    #[must_use]
    pub fn key(&self, key: impl Into<String>) -> Self {
        self.join(Step::Key(key.into()))
    }

    /// This path and a list element below it.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.join(Step::Index(index))
    }

    /// Puts a step in front: what was the root is now below that step.
    pub(crate) fn prepend(&mut self, step: Step) {
        self.0.insert(0, step);
    }

    /// The place that this one lies in; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        let (_, above) = self.0.split_last()?;
        Some(Self(above.to_vec()))
    }

    /// The steps from the root.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// Whether this is the object as a whole.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }
}

/// The path as the protocol's message; `None` for the root, which the protocol leaves out.
impl From<&Path> for Option<AttributePath> {
    fn from(path: &Path) -> Self {
        let steps = path.steps().iter().map(|step| {
            let selector = match step {
                Step::Attribute(name) => Selector::AttributeName(name.clone()),
                Step::Key(key) => Selector::ElementKeyString(key.clone()),
                // A position in memory is below i64::MAX.
                Step::Index(index) => Selector::ElementKeyInt(i64::try_from(*index).unwrap_or(i64::MAX)),
            };
            attribute_path::Step { selector: Some(selector) }
        });
        (!path.is_root()).then(|| AttributePath { steps: steps.collect() })
    }
}

impl From<&str> for Path {
    fn from(name: &str) -> Self {
        Self::attr(name)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, step) in self.0.iter().enumerate() {
            match step {
                Step::Attribute(name) if i == 0 => write!(f, "{name}")?,
                Step::Attribute(name) => write!(f, ".{name}")?,
                Step::Key(key) => write!(f, "[{key:?}]")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_like_terraform() {
        let path = Path::attr("disks").key("scsi0").at("size");
        assert_eq!(path.to_string(), r#"disks["scsi0"].size"#);
    }

    #[test]
    fn as_a_message() {
        let message = Option::<AttributePath>::from(&Path::attr("disks").key("scsi0").index(3)).unwrap();
        let selectors: Vec<_> = message.steps.into_iter().filter_map(|step| step.selector).collect();
        assert_eq!(
            selectors,
            [
                Selector::AttributeName("disks".to_owned()),
                Selector::ElementKeyString("scsi0".to_owned()),
                Selector::ElementKeyInt(3)
            ]
        );
        assert_eq!(Option::<AttributePath>::from(&Path::root()), None);
    }
}
