//! Parameters of a call that creates or changes something.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::{Request, wire};

/// Named values to set and names to take away. PVE leaves alone what is in neither.
///
/// ```
/// use pve_client::api::params::Params;
/// let params = Params::new().set("comment", "web").flag("failback", false).remove("group");
/// assert_eq!(params.names().collect::<Vec<_>>(), ["comment", "failback", "group"]);
/// ```
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Params {
    set: BTreeMap<String, String>,
    remove: BTreeSet<String>,
}

impl Params {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a value.
    #[must_use]
    pub fn set(mut self, name: impl Into<String>, value: impl fmt::Display) -> Self {
        self.set.insert(name.into(), value.to_string());
        self
    }

    /// Sets a value if there is one.
    #[must_use]
    pub fn opt(self, name: impl Into<String>, value: Option<impl fmt::Display>) -> Self {
        match value {
            Some(value) => self.set(name, value),
            None => self,
        }
    }

    /// Sets a boolean.
    #[must_use]
    pub fn flag(self, name: impl Into<String>, value: bool) -> Self {
        self.set(name, wire::flag(value))
    }

    /// Sets a comma list.
    #[must_use]
    pub fn list<'a>(self, name: impl Into<String>, items: impl IntoIterator<Item = &'a String>) -> Self {
        self.set(name, items.into_iter().map(String::as_str).collect::<Vec<_>>().join(","))
    }

    /// Takes a setting away, so that PVE's default holds again (`delete` in PVE's words). For updates only.
    #[must_use]
    pub fn remove(mut self, name: impl Into<String>) -> Self {
        self.remove.insert(name.into());
        self
    }

    /// Takes back that a setting is taken away.
    #[must_use]
    pub fn keep(mut self, name: &str) -> Self {
        self.remove.remove(name);
        self
    }

    /// Refuses the update if the configuration has changed since this digest was read.
    #[must_use]
    pub fn digest(self, digest: Option<&str>) -> Self {
        self.opt("digest", digest)
    }

    /// Whether there is nothing to send.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.remove.is_empty()
    }

    /// The value that a name is set to.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.set.get(name).map(String::as_str)
    }

    /// Whether a name is taken away.
    pub fn removes(&self, name: &str) -> bool {
        self.remove.contains(name)
    }

    /// The names that are set or taken away.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.set.keys().chain(&self.remove).map(String::as_str)
    }

    /// Puts the parameters into a request.
    pub(crate) fn onto(&self, request: Request) -> Request {
        let request = self.set.iter().fold(request, |request, (name, value)| request.param(name, value));
        if self.remove.is_empty() {
            return request;
        }
        request.param("delete", self.remove.iter().map(String::as_str).collect::<Vec<_>>().join(","))
    }
}

/// Names only: a value may be a password.
impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_removals_reach_the_form() {
        let params =
            Params::new().set("size", 3).flag("krbd", true).remove("nodes").remove("bwlimit").opt("x", None::<u8>);
        let request = params.onto(Request::put("storage/ceph"));
        assert_eq!(request.form().as_deref(), Some("krbd=1&size=3&delete=bwlimit%2Cnodes"));
        assert!(!format!("{params:?}").contains('3'));
        assert!(Params::new().is_empty());
    }
}
