//! Which settings of a container PVE lets nobody change but root@pam, logged in with its password.

use std::collections::BTreeMap;

use crate::api::params::Params;
use crate::wire;

/// The names among these parameters that are root's: by themselves, or by what is in them now (`live`; empty: a container
/// to be made) or is to be in them.
pub fn roots(params: &Params, live: &BTreeMap<String, String>) -> Vec<String> {
    let all = params.names().filter(|name| {
        let (new, old) = (params.get(name), live.get(*name).map(String::as_str));
        match *name {
            "hookscript" => true,
            "features" => privileged(params, live) || others(new) != others(old),
            _ if numbered(name, "dev") => true,
            _ if *name == "rootfs" || numbered(name, "mp") => {
                [new, old].into_iter().flatten().any(|text| text.trim_start_matches("volume=").starts_with('/'))
            }
            _ => false,
        }
    });
    all.map(str::to_owned).collect()
}

fn numbered(name: &str, prefix: &str) -> bool {
    name.strip_prefix(prefix).is_some_and(|n| n.parse::<u16>().is_ok())
}

/// Of a privileged container every feature is root's. A new one of which nobody says it is taken for unprivileged, as
/// PVE does since 9.0.
fn privileged(params: &Params, live: &BTreeMap<String, String>) -> bool {
    let said = params.get("unprivileged").or(live.get("unprivileged").map(String::as_str));
    match said.and_then(wire::parse_boolean) {
        Some(unprivileged) => !unprivileged,
        None => !live.is_empty(),
    }
}

/// All features but nesting, which PVE compares as texts.
fn others(text: Option<&str>) -> Vec<&str> {
    let mut parts: Vec<&str> =
        text.unwrap_or_default().split(',').filter(|part| !part.is_empty() && !part.starts_with("nesting=")).collect();
    parts.sort_unstable();
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_roots_depends_on_what_is_in_it() {
        let of = |params: Params, live: &[(&str, &str)]| {
            roots(&params, &live.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
        };
        let free = Params::new().set("features", "nesting=1").set("mp0", "local:8,mp=/x").set("cores", 2);
        assert_eq!(of(free.clone(), &[]), [""; 0]);
        assert_eq!(of(free.clone(), &[("unprivileged", "1")]), [""; 0]);
        assert_eq!(of(free.clone().set("unprivileged", 0), &[]), ["features"]);
        assert_eq!(of(free.clone(), &[("cores", "1")]), ["features"], "a privileged one");
        assert_eq!(of(Params::new().set("features", "keyctl=1,nesting=1"), &[]), ["features"]);
        let same = [("unprivileged", "1"), ("features", "keyctl=1")];
        assert_eq!(of(Params::new().set("features", "keyctl=1,nesting=1"), &same), [""; 0]);
        let paths =
            Params::new().set("mp0", "/srv,mp=/srv").set("dev0", "/dev/fuse").set("hookscript", "local:snippets/x");
        assert_eq!(of(paths, &[]), ["dev0", "hookscript", "mp0"]);
        assert_eq!(of(Params::new().remove("mp0"), &[("mp0", "/srv,mp=/srv")]), ["mp0"]);
    }
}
