//! Which handler answers which method: PVE's own paths, filled in by `src/api/`.

use std::collections::HashMap;

use serde_json::Value;

use super::call::Call;
use super::error::PveError;
use super::schema::{self, Method};
use super::world::World;
use crate::cluster::ceph::Output;

/// Answers a call: the value of `data`.
pub type Handler = fn(&mut Call<'_>) -> Result<Value, PveError>;

/// A path and verb of PVE's API with its handler.
pub struct Route {
    /// PVE's description.
    pub method: &'static Method,
    /// `None`: PVE has it, the simulator has not.
    pub handler: Option<Handler>,
    parts: Vec<&'static str>,
}

/// Every route.
pub struct Routes {
    routes: Vec<Route>,
    by_name: HashMap<(&'static str, &'static str), usize>,
    programs: Option<Programs>,
}

/// Runs a program on a node; none if the node has no such program.
pub(crate) type Programs = fn(&World, &str, &[String]) -> Option<Output>;

impl Routes {
    /// PVE's routes, none of them with a handler.
    pub(crate) fn new() -> Self {
        let route = |method: &'static Method| {
            let parts = method.path.split('/').filter(|part| !part.is_empty()).collect();
            Route { method, handler: None, parts }
        };
        let routes: Vec<Route> = schema::methods().iter().map(route).collect();
        let name = |(n, route): (usize, &Route)| ((route.method.method.as_str(), route.method.path.as_str()), n);
        let by_name = routes.iter().enumerate().map(name).collect();
        Routes { routes, by_name, programs: None }
    }

    /// What the nodes' programs are, for whoever gets a shell there.
    pub(crate) fn programs(&mut self, programs: Programs) {
        self.programs = Some(programs);
    }

    /// Runs a program on a node, if it is there.
    pub(crate) fn program(&self, world: &World, node: &str, argv: &[String]) -> Option<Output> {
        self.programs.and_then(|run| run(world, node, argv))
    }

    /// `GET path`, the path written as in the schema.
    pub fn get(&mut self, path: &str, handler: Handler) {
        self.on("GET", path, handler);
    }

    /// `POST path`.
    pub fn post(&mut self, path: &str, handler: Handler) {
        self.on("POST", path, handler);
    }

    /// `PUT path`.
    pub fn put(&mut self, path: &str, handler: Handler) {
        self.on("PUT", path, handler);
    }

    /// `DELETE path`.
    pub fn delete(&mut self, path: &str, handler: Handler) {
        self.on("DELETE", path, handler);
    }

    fn on(&mut self, verb: &str, path: &str, handler: Handler) {
        // A path that PVE does not have is a slip of the pen here, and the first test of any kind meets it.
        let n = *self.by_name.get(&(verb, path)).unwrap_or_else(|| panic!("PVE has no {verb} {path}"));
        self.routes[n].handler = Some(handler);
    }

    /// All routes that have a handler.
    pub fn served(&self) -> impl Iterator<Item = &Route> {
        self.routes.iter().filter(|route| route.handler.is_some())
    }

    /// The route of a request and the parameters bound in its path (which has been percent-decoded).
    pub(crate) fn find(&self, verb: &str, path: &str) -> Option<(&Route, Vec<(&'static str, String)>)> {
        let given: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let mut best: Option<(&Route, Vec<(&'static str, String)>)> = None;
        for route in self.routes.iter().filter(|route| route.method.method == verb) {
            let Some(bound) = bind(&route.parts, &given) else { continue };
            // A literal part beats a parameter.
            if best.as_ref().is_none_or(|(_, other)| bound.len() < other.len()) {
                best = Some((route, bound));
            }
        }
        best
    }
}

fn bind(parts: &[&'static str], given: &[&str]) -> Option<Vec<(&'static str, String)>> {
    let mut bound = Vec::new();
    for (n, part) in parts.iter().enumerate() {
        let name = part.strip_prefix('{').and_then(|part| part.strip_suffix('}'));
        let rest = given.get(n..).filter(|rest| !rest.is_empty())?;
        match name {
            // A volume's name may contain slashes.
            Some("volume") if n + 1 == parts.len() => {
                bound.push(("volume", rest.join("/")));
                return Some(bound);
            }
            Some(name) if !rest[0].contains(char::is_whitespace) => bound.push((name, rest[0].to_owned())),
            None if *part == rest[0] => {}
            _ => return None,
        }
    }
    (parts.len() == given.len()).then_some(bound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literal_parts_win_and_volumes_have_slashes() {
        let routes = Routes::new();
        let find = |verb: &str, path: &str| {
            let (route, bound) = routes.find(verb, path)?;
            Some((route.method.path.clone(), bound.into_iter().map(|(_, value)| value).collect::<Vec<_>>()))
        };
        let want = |path: &str, bound: &[&str]| Some((path.to_owned(), bound.iter().map(|b| b.to_string()).collect()));
        assert_eq!(find("GET", "//nodes/pve1/status/"), want("/nodes/{node}/status", &["pve1"]));
        assert_eq!(find("GET", "/cluster/ha/status/current"), want("/cluster/ha/status/current", &[]));
        assert_eq!(
            find("GET", "/nodes/pve1/storage/local/content/local:iso/a.iso"),
            want("/nodes/{node}/storage/{storage}/content/{volume}", &["pve1", "local", "local:iso/a.iso"])
        );
        assert_eq!(find("GET", "/nosuchpath"), None);
        assert_eq!(find("POST", "/version"), None);
        assert_eq!(find("POST", "/access/users/a@pve/token/bad token"), None);
    }
}
