//! Plain sections of configuration files, such as notification targets: what they are is told by PVE's schema and by the
//! rows of `api/sections/`; here they are kept.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::shape::Shape;

/// The settings of one section, as PVE gives them back; secrets too.
pub type Entry = BTreeMap<String, Value>;

/// All sections that somebody has made or changed, by the path of their collection and their name. What PVE brings along is
/// not here while nobody has changed it.
#[derive(Debug, Default)]
pub struct Sections(BTreeMap<&'static str, BTreeMap<String, Entry>>);

impl Sections {
    /// Those that are there from the start.
    pub(super) fn of_shape(shape: &Shape) -> Self {
        let mut sections = Self::default();
        for path in ["/cluster/mapping/dir", "/cluster/mapping/pci", "/cluster/mapping/usb"] {
            let kind = path.rsplit('/').next().unwrap_or_default();
            for (id, map) in shape.mappings.get(kind).into_iter().flatten() {
                sections.insert(path, id.clone(), Entry::from([("map".to_owned(), json!(map))]));
            }
        }
        sections
    }

    /// Those of a collection.
    pub fn of(&self, path: &str) -> impl Iterator<Item = (&str, &Entry)> {
        self.0.get(path).into_iter().flatten().map(|(name, entry)| (name.as_str(), entry))
    }

    /// One of a collection.
    pub fn get(&self, path: &str, name: &str) -> Option<&Entry> {
        self.0.get(path)?.get(name)
    }

    /// Keeps one, in place of what had its name.
    pub fn insert(&mut self, path: &'static str, name: String, entry: Entry) {
        self.0.entry(path).or_default().insert(name, entry);
    }

    /// Takes one away; whether it was there.
    pub fn remove(&mut self, path: &str, name: &str) -> bool {
        let Some(all) = self.0.get_mut(path) else { return false };
        let was = all.remove(name).is_some();
        self.0.retain(|_, all| !all.is_empty());
        was
    }

    pub(super) fn canonical(&self) -> Value {
        json!(self.0)
    }
}
