//! What has to be done with the CRUSH map so that a bucket is what is wanted: each step is decided on by what is there, so it
//! does not matter where a former run was cut off.

use std::collections::BTreeSet;

use pve_client::api::ceph::crush::{Bucket, CrushMap};

/// What is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) name: String,
    pub(super) kind: String,
    /// What it is to be below; none if that is left alone.
    pub(super) parent: Option<String>,
    /// Hosts that are to be directly in it.
    pub(super) hosts: BTreeSet<String>,
    /// Hosts that are to be in it no more.
    pub(super) leaving: BTreeSet<String>,
}

/// The next thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Make the bucket, below nothing.
    Make,
    /// Make a host that has no OSD yet, below nothing.
    MakeHost(String),
    /// Put an item below a bucket of that level.
    Move { item: String, kind: String, to: String },
    /// Nothing is left to do.
    Done,
}

/// The bucket that an item is in.
pub(super) fn parent<'a>(map: &'a CrushMap, item: &str) -> Option<&'a Bucket> {
    map.buckets.iter().find(|bucket| bucket.items.iter().any(|held| held.name == item))
}

/// The hosts directly in a bucket.
pub(super) fn hosts(map: &CrushMap, bucket: &Bucket) -> BTreeSet<String> {
    let is_host = |name: &str| map.bucket(name).is_some_and(|bucket| bucket.kind == "host");
    bucket.items.iter().filter(|item| is_host(&item.name)).map(|item| item.name.clone()).collect()
}

/// The root of everything, unless there is none of that name.
pub(super) const DEFAULT_ROOT: &str = "default";

/// What is to be done next.
pub(super) fn next(map: &CrushMap, want: &Wanted) -> Step {
    let Some(bucket) = map.bucket(&want.name) else { return Step::Make };
    let above = parent(map, &want.name);
    if let Some(to) = want.parent.as_ref().and_then(|parent| map.bucket(parent))
        && above.is_none_or(|above| above.name != to.name)
    {
        return Step::Move { item: want.name.clone(), kind: to.kind.clone(), to: to.name.clone() };
    }
    let is_in = |host: &str| bucket.items.iter().any(|item| item.name == host);
    if let Some(host) = want.hosts.iter().find(|host| !is_in(host)) {
        return match map.bucket(host) {
            None => Step::MakeHost(host.clone()),
            Some(_) => Step::Move { item: host.clone(), kind: bucket.kind.clone(), to: want.name.clone() },
        };
    }
    // What leaves goes up.
    let up = above.or_else(|| map.bucket(DEFAULT_ROOT)).filter(|up| up.name != want.name);
    match (want.leaving.iter().find(|host| is_in(host)), up) {
        (Some(host), Some(up)) => Step::Move { item: host.clone(), kind: up.kind.clone(), to: up.name.clone() },
        _ => Step::Done,
    }
}

#[cfg(test)]
mod tests {
    use pve_client::api::ceph::crush::Item;

    use super::*;

    /// Level, name, what is in it.
    type Row = (&'static str, &'static str, &'static [&'static str]);

    fn row(kind: &'static str, name: &'static str, items: &'static [&'static str]) -> Row {
        (kind, name, items)
    }

    fn map(buckets: &[Row]) -> CrushMap {
        let item = |name: &&str| Item { name: (*name).to_owned(), weight: 1.0 };
        let bucket = |(kind, name, items): &Row| Bucket {
            kind: (*kind).to_owned(),
            name: (*name).to_owned(),
            items: items.iter().map(item).collect(),
            ..Bucket::default()
        };
        CrushMap { buckets: buckets.iter().map(bucket).collect(), ..CrushMap::default() }
    }

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn moved(item: &str, kind: &str, to: &str) -> Step {
        Step::Move { item: item.to_owned(), kind: kind.to_owned(), to: to.to_owned() }
    }

    #[test]
    fn from_nothing_to_a_rack_and_its_hosts() {
        let want = Wanted {
            name: "r1".to_owned(),
            kind: "rack".to_owned(),
            parent: Some("default".to_owned()),
            hosts: set(&["pve1", "pve4"]),
            leaving: set(&[]),
        };
        let root = |items| row("root", "default", items);
        let pve1 = row("host", "pve1", &["osd.0"]);
        for (there, step) in [
            (vec![pve1, root(&["pve1"])], Step::Make),
            (vec![pve1, row("rack", "r1", &[]), root(&["pve1"])], moved("r1", "root", "default")),
            (vec![pve1, row("rack", "r1", &[]), root(&["pve1", "r1"])], moved("pve1", "rack", "r1")),
            (vec![pve1, row("rack", "r1", &["pve1"]), root(&["r1"])], Step::MakeHost("pve4".to_owned())),
            (
                vec![pve1, row("host", "pve4", &[]), row("rack", "r1", &["pve1"]), root(&["r1"])],
                moved("pve4", "rack", "r1"),
            ),
            (vec![pve1, row("host", "pve4", &[]), row("rack", "r1", &["pve1", "pve4"]), root(&["r1"])], Step::Done),
        ] {
            assert_eq!(next(&map(&there), &want), step, "{there:?}");
        }
    }

    #[test]
    fn what_leaves_goes_up_and_what_is_not_named_stays() {
        let there = [
            row("host", "pve1", &["osd.0"]),
            row("host", "pve2", &["osd.1"]),
            row("rack", "r1", &["pve1", "pve2"]),
            row("room", "cellar", &["r1"]),
            row("root", "default", &["cellar"]),
        ];
        let want = Wanted { name: "r1".to_owned(), kind: "rack".to_owned(), ..Wanted::default() };
        assert_eq!(next(&map(&there), &want), Step::Done);
        let leaving = Wanted { leaving: set(&["pve2", "pve9"]), ..want };
        assert_eq!(next(&map(&there), &leaving), moved("pve2", "room", "cellar"));
        assert_eq!(hosts(&map(&there), map(&there).bucket("r1").unwrap()), set(&["pve1", "pve2"]));
        // One that is below nothing has the root above it.
        assert_eq!(
            next(&map(&[there[0], there[1], there[2], row("root", "default", &[])]), &leaving),
            moved("pve2", "root", "default")
        );
    }
}
