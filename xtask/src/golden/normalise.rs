//! The named rules under which two values that differ are the same all the same. There are no others.
//!
//! None of them ever applies to a status, a message, an error field or a value that a request of the recording set.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

use super::names::{Class, Names};

/// A rule, by the name under which reports and documentation know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Process id and start times in a UPID, and the same as fields of a task.
    Upid,
    /// Ids of the HA manager's orders, which PVE makes like uuids and writes in base64.
    Order,
    /// Moments: seconds since 1970, and dates within a text.
    Time,
    /// Versions of the software.
    Version,
    /// Load and fill levels, and sizes of the machine that made the recording.
    Usage,
    /// Numbers that a daemon gives itself when it starts.
    Daemon,
}

/// Where in the answer to which path a rule applies to a whole value.
struct At {
    rule: Rule,
    path: Regex,
    place: Regex,
}

static RULES: LazyLock<Vec<At>> = LazyLock::new(|| {
    [
        (Rule::Upid, r"^/(nodes/[^/]+|cluster)/tasks", r"\.(pid|pstart|starttime)$"),
        (Rule::Order, r"^/cluster/ha/status/manager_status$", r"^data\.manager_status\.service_status\.[^.]+\.uid$"),
        (Rule::Time, r"^/(nodes/[^/]+|cluster)/tasks", r"\.endtime$"),
        (Rule::Time, r"^/cluster/ha/status/", r"\.timestamp$"),
        (Rule::Time, r"^/nodes/[^/]+/(time$|certificates/)", r"\.(time|localtime|notbefore|notafter)$"),
        (Rule::Time, r"^/nodes/[^/]+/storage/[^/]+/(content|prunebackups)", r"\.ctime$"),
        (Rule::Time, r"^/nodes/[^/]+/(qemu|lxc)/\d+/(snapshot|config$)", r"\.snaptime$"),
        (
            Rule::Time,
            r"/ceph/(status|metadata)$",
            r"\.(created|modified|last_changed|last_changed_epoch|active_change|osd_(in|up)_since)$",
        ),
        (Rule::Version, r"^(/nodes/[^/]+)?/version$", r"^data\.(version|release|repoid)$"),
        (Rule::Version, r"^/nodes/[^/]+/status$", r"^data\.(pveversion|kversion|current-kernel\.(release|version))$"),
        // The version of corosync's configuration counts its changes.
        (Rule::Version, r"^/cluster/status$", r"\.version$"),
        (Rule::Version, r"/ceph/", r"\.(ceph_version|ceph_version_short|ceph_release|buildcommit|version)(\.|\[|$)"),
        (
            Rule::Usage,
            r"^/cluster/resources$|^/pools(/|$)|^/nodes$|/(qemu|lxc)(/[0-9]+/status/current)?$",
            r"\.(cpu|mem|memhost|disk|diskread|diskwrite|netin|netout|uptime|pressure(cpu|io|memory)(some|full)|pid)$",
        ),
        // What the machine has, not what a guest was given.
        (Rule::Usage, r"^/nodes$", r"\.(maxmem|maxdisk|maxcpu)$"),
        (Rule::Usage, r"^/cluster/resources$", r"^data\[id=(node|storage)/[^\]]*\]\.(maxmem|maxdisk|maxcpu)$"),
        (Rule::Usage, r"^/pools(/|$)", r"members\[id=storage/[^\]]*\]\.maxdisk$"),
        (Rule::Usage, r"^/nodes/[^/]+/storage(/[^/]+/status)?$", r"\.(used|avail|total|used_fraction)$"),
        (Rule::Usage, r"^/nodes/[^/]+/storage/[^/]+/content", r"\.used$"),
        (
            Rule::Usage,
            r"^/nodes/[^/]+/status$",
            r"^data\.(uptime|idle|wait|cpu|loadavg\[\d+\]|(memory|swap|rootfs|ksm)\.\w+)$",
        ),
        (Rule::Usage, r"/ceph/osd$", r"\.(bytes_used|percent_used|apply_latency_ms|commit_latency_ms|pgs)$"),
        (Rule::Usage, r"/ceph/osd/\d+/metadata$", r"\.(mem_usage|pid)$"),
        (Rule::Usage, r"/ceph/pool$", r"\.(bytes_used|percent_used)$"),
        (
            Rule::Usage,
            r"/ceph/pool",
            r"autoscale_status\.(raw_used|logical_used|actual_raw_used|capacity_ratio|actual_capacity_ratio)$",
        ),
        (
            Rule::Usage,
            r"/ceph/pool/[^/]+/status$",
            r"^data\.statistics\.(stored|kb_used|bytes_used|max_avail|objects|percent_used)$",
        ),
        (
            Rule::Daemon,
            r"/ceph/status$",
            r"^data\.mgrmap\.(active_gid|active_mgr_features|standbys\[.*\]\.(gid|mgr_features)|.*\.nonce)$",
        ),
        (Rule::Usage, r"/ceph/status$", r"^data\.pgmap\.(bytes_used|bytes_avail|data_bytes|num_objects)$|\.\w+_age$"),
    ]
    .into_iter()
    .map(|(rule, path, place)| At { rule, path: pattern(path), place: pattern(place) })
    .collect()
});

/// Lists that PVE returns in the order of a Perl hash: another one in each worker process.
static UNORDERED_LISTS: LazyLock<Vec<(Regex, Regex)>> = LazyLock::new(|| {
    [
        (r"^/(storage|nodes|cluster/resources|cluster/status|cluster/config/nodes|pools)$", r"^data$"),
        (r"^/cluster/config/join$", r"^data\.nodelist$"),
        (r"^/nodes/[^/]+/(storage|qemu|lxc|disks/list|network)$", r"^data$"),
        (r"^/nodes/[^/]+/(qemu|lxc)/\d+/(pending|snapshot)$", r"^data$"),
        (r"^/nodes/[^/]+/qemu/\d+/migrate$", r"^data\.(allowed_nodes|local_disks|local_resources)$"),
        (r"^/nodes/[^/]+/capabilities/", r"^data$"),
        (r"^/nodes/[^/]+/ceph/(mon|mgr|mds|rules)$", r"^data$"),
        // The tree is built from a hash of the buckets' ids.
        (r"^/nodes/[^/]+/ceph/osd$", r"\.children$"),
        (r"^/cluster/ceph/flags$", r"^data$"),
        (r"^/access/", r"^data(\.\w+)?$"),
        (r"^/cluster/(mapping/\w+|metrics/server|acme/plugins|replication)$", r"^data$"),
        // Kept in hashes on the Rust side.
        (r"^/cluster/notifications/", r"^data$"),
    ]
    .into_iter()
    .map(|(path, place)| (pattern(path), pattern(place)))
    .collect()
});

/// Comma lists that are sets kept in a hash.
static UNORDERED_TEXTS: LazyLock<Vec<(Regex, Regex)>> = LazyLock::new(|| {
    [
        (r"^/storage|^/nodes/[^/]+/storage|^/cluster/resources$|^/pools(/|$)", r"\.(content|nodes)$"),
        (r"^/access/", r"\.(groups|users|members|privs)$"),
    ]
    .into_iter()
    .map(|(path, place)| (pattern(path), pattern(place)))
    .collect()
});

/// What PVE writes is ASCII where it matters; classes of all of Unicode take several times as long.
fn pattern(text: &str) -> Regex {
    let text = text.replace(r"\d", "[0-9]").replace(r"\w", "[0-9A-Za-z_]").replace(r"\b", r"(?-u:\b)");
    // The patterns are constants of this file, each compiled by its tests.
    Regex::new(&text).expect("a rule's pattern")
}

/// The rule that covers the whole value at `place` of the answer to `path`.
pub(crate) fn rule_for(path: &str, place: &str) -> Option<Rule> {
    if is_exact(place) {
        return None;
    }
    RULES.iter().find(|at| at.path.is_match(path) && at.place.is_match(place)).map(|at| at.rule)
}

/// Messages and error fields are compared to the letter.
fn is_exact(place: &str) -> bool {
    !place.starts_with("data")
}

pub(crate) fn is_unordered_list(path: &str, place: &str) -> bool {
    UNORDERED_LISTS.iter().any(|(paths, places)| paths.is_match(path) && places.is_match(place))
}

pub(crate) fn is_unordered_text(path: &str, place: &str) -> bool {
    UNORDERED_TEXTS.iter().any(|(paths, places)| paths.is_match(path) && places.is_match(place))
}

/// Whether a rule accepts the live value for the recorded one: both of one JSON type.
pub(crate) fn rule_accepts(recorded: &Value, live: &Value) -> bool {
    matches!((recorded, live), (Value::Number(_), Value::Number(_)) | (Value::String(_), Value::String(_)))
}

/// Pieces of a text that a run chooses by itself.
static PIECES: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"(?P<upid>UPID:[\w.-]+:[0-9A-F]{8}:[0-9A-F]{8,9}:[0-9A-F]{8}:\w+:[^:]*:[^:]+:)",
        r"|(?P<ticket>PVE(?:VNC)?:[^:]+:[0-9A-F]{8}::(?:<signature>|[A-Za-z0-9+/=]+))",
        r"|(?P<csrf>\b[0-9A-F]{8}:[A-Za-z0-9+/]{43}\b)",
        r"|(?P<uuid>\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b)",
        r"|(?P<fingerprint>\b(?:[0-9A-F]{2}:){31}[0-9A-F]{2}\b)",
        r"|(?P<mac>\bBC:24:11(?::[0-9A-F]{2}){3}\b)",
        r"|(?P<digest>\b(?:[0-9a-f]{40}|[0-9a-f]{64})\b)",
        r"|(?P<date>\b\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}\b)",
        r"|(?P<iso>\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}[+-]\d{4})",
        r"|(?P<stamp>\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\b)",
        r"|(?P<upload>/var/tmp/pveupload-[0-9a-f]{32}\b)",
        r"|(?P<ctime>\bctime=\d{10}\b)",
        r"|(?P<qemu>\bcreation-qemu=[\d.]+\d)",
        // How much lay in an archive, which nothing but the archive tells, and how fast it came out.
        r"|(?P<tar>\bTotal bytes read: \d+ \(\d+[KMG]iB, \d+[KMG]iB/s\))",
        // How fast an archive was written.
        r"|(?P<rate>\b\d+[KMG]iB/s\)$)",
        // The options of a command come out of a Perl hash: in another order in each process.
        r"|(?P<options>(?: --[a-z-]+ (?:'[^']*'|\S+))+$)",
        // Of a daemon's address the port and the nonce; monitors have fixed ones.
        r"|(?P<port>:\d{4}/\d{2,})",
    ))
});

/// The digest of a file that is not there.
const SHA1_OF_NOTHING: &str = "da39a3ee5e6b4b0d3255bfef95601890afd80709";

/// Whether two texts of an answer are the same but for what a run chooses by itself. `configured` tells whether the
/// recording set this piece of text in a request.
pub(crate) fn texts_agree(recorded: &str, live: &str, names: &mut Names, configured: &dyn Fn(&str) -> bool) -> bool {
    // Most texts are the same, and most of those hold nothing that a run chooses: what has to be learnt has digits.
    if recorded == live && !(recorded.len() >= SHORTEST_PIECE && recorded.contains(|c: char| c.is_ascii_digit())) {
        return true;
    }
    let (recorded_frame, recorded_pieces) = split(recorded);
    if recorded == live {
        // What a run calls like this is learnt all the same.
        return recorded_pieces
            .into_iter()
            .fold(true, |agree, (kind, piece)| pieces_agree(kind, piece, piece, names, configured) && agree);
    }
    let (live_frame, live_pieces) = split(live);
    if recorded_frame != live_frame {
        return false;
    }
    let mut all_agree = true;
    // All are looked at even after one that does not agree, so that each name is learnt.
    for ((kind, recorded), (_, live)) in std::iter::zip(recorded_pieces, live_pieces) {
        all_agree &= pieces_agree(kind, recorded, live, names, configured);
    }
    all_agree
}

/// No piece is shorter: a rate, `1KiB/s)`.
const SHORTEST_PIECE: usize = 7;

/// A text with its pieces replaced by their kinds, and the pieces.
fn split(text: &str) -> (String, Vec<(&'static str, &str)>) {
    const KINDS: [&str; 17] = [
        "upid",
        "ticket",
        "csrf",
        "uuid",
        "fingerprint",
        "mac",
        "digest",
        "date",
        "iso",
        "stamp",
        "upload",
        "ctime",
        "qemu",
        "tar",
        "rate",
        "options",
        "port",
    ];
    let (mut frame, mut pieces, mut end) = (String::new(), Vec::new(), 0);
    for found in PIECES.captures_iter(text) {
        let Some((kind, piece)) = KINDS.iter().find_map(|kind| Some((*kind, found.name(kind)?))) else { continue };
        frame.push_str(&text[end..piece.start()]);
        frame.push('\u{1}');
        frame.push_str(kind);
        frame.push('\u{1}');
        pieces.push((kind, piece.as_str()));
        end = piece.end();
    }
    frame.push_str(&text[end..]);
    (frame, pieces)
}

fn pieces_agree(kind: &str, recorded: &str, live: &str, names: &mut Names, configured: &dyn Fn(&str) -> bool) -> bool {
    match kind {
        "upid" => {
            // Node, type, id and user are facts; process id and times are the run's.
            let facts = |upid: &str| {
                let parts: Vec<String> = upid.split(':').map(str::to_owned).collect();
                [1, 5, 6, 7].map(|part| parts.get(part).cloned())
            };
            facts(recorded) == facts(live) && names.agree(Class::Upid, recorded, live)
        }
        "ticket" => recorded.split(':').nth(1) == live.split(':').nth(1),
        "digest" if recorded == SHA1_OF_NOTHING || live == SHA1_OF_NOTHING => recorded == live,
        "digest" | "fingerprint" => names.agree(Class::Digest, recorded, live),
        "uuid" if configured(recorded) => recorded == live,
        "uuid" => names.agree(Class::Uuid, recorded, live),
        "mac" if configured(recorded) => recorded == live,
        "mac" => names.agree(Class::Mac, recorded, live),
        "options" => {
            let sorted = |text: &str| {
                let mut options: Vec<String> = text.split(" --").map(str::to_owned).collect();
                options.sort();
                options
            };
            sorted(recorded) == sorted(live)
        }
        "csrf" | "date" | "iso" | "stamp" | "upload" | "ctime" | "qemu" | "tar" | "rate" | "port" => true,
        _ => recorded == live,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agree(recorded: &str, live: &str) -> bool {
        texts_agree(recorded, live, &mut Names::default(), &|_| false)
    }

    #[test]
    fn a_upid_keeps_node_type_id_and_user() {
        let recorded = "UPID:pve1:00001CBC:0006B5B7:6B032CA5:qmcreate:110:root@pam:";
        assert!(agree(recorded, "UPID:pve1:00000001:00000002:6B000000:qmcreate:110:root@pam:"));
        for other in [
            "UPID:pve2:00000001:00000002:6B000000:qmcreate:110:root@pam:",
            "UPID:pve1:00000001:00000002:6B000000:qmdestroy:110:root@pam:",
            "UPID:pve1:00000001:00000002:6B000000:qmcreate:111:root@pam:",
            "UPID:pve1:00000001:00000002:6B000000:qmcreate:110:a@pve:",
        ] {
            assert!(!agree(recorded, other), "{other}");
        }
    }

    #[test]
    fn what_was_configured_has_to_come_back() {
        let mut names = Names::default();
        let mac = |text: &str| text == "BC:24:11:00:00:01";
        assert!(!texts_agree("virtio=BC:24:11:00:00:01", "virtio=BC:24:11:00:00:02", &mut names, &mac));
        assert!(texts_agree("virtio=BC:24:11:AA:00:01", "virtio=BC:24:11:AA:00:02", &mut names, &mac));
    }

    #[test]
    fn options_may_stand_in_another_order_and_are_the_same_ones() {
        assert!(agree(
            "job: vzdump 1 --mode stop --notes-template '{{a}} b'",
            "job: vzdump 1 --notes-template '{{a}} b' --mode stop"
        ));
        for other in
            ["job: vzdump 1 --mode stop", "job: vzdump 2 --mode stop --quiet 1", "job: vzdump 1 --quiet 0 --mode stop"]
        {
            assert!(!agree("job: vzdump 1 --mode stop --quiet 1", other), "{other}");
        }
    }

    #[test]
    fn text_around_a_piece_is_compared() {
        assert!(agree("pve1 (active, Sun Nov 22 17:33:38 2026)", "pve1 (active, Mon Nov 23 09:00:01 2026)"));
        assert!(!agree("pve1 (active, Sun Nov 22 17:33:38 2026)", "pve2 (active, Sun Nov 22 17:33:38 2026)"));
        assert!(!agree("ctime=1795370191", "ctime=x"));
    }

    #[test]
    fn the_digest_of_an_absent_file_is_a_fact() {
        assert!(!agree(SHA1_OF_NOTHING, "6d647a044bc2b4b5216d36af6d5f909ac32974b6"));
        assert!(!agree("6d647a044bc2b4b5216d36af6d5f909ac32974b6", SHA1_OF_NOTHING));
        assert!(agree(SHA1_OF_NOTHING, SHA1_OF_NOTHING));
    }

    #[test]
    fn every_pattern_compiles_and_none_covers_messages_or_errors() {
        for path in ["/nodes", "/cluster/resources", "/nodes/pve1/qemu/100/status/current", "/nodes/pve1/ceph/status"] {
            for place in ["message", "errors.cpu", "errors.uptime", "reason"] {
                assert_eq!(rule_for(path, place), None, "{path} {place}");
            }
        }
        assert!(!UNORDERED_LISTS.is_empty() && !UNORDERED_TEXTS.is_empty() && PIECES.is_match("ctime=1795370191"));
    }

    #[test]
    fn sizes_of_guests_are_configured_and_those_of_nodes_are_not() {
        assert_eq!(rule_for("/cluster/resources", "data[id=node/pve1].maxmem"), Some(Rule::Usage));
        assert_eq!(rule_for("/cluster/resources", "data[id=qemu/100].maxmem"), None);
        assert_eq!(rule_for("/nodes/pve1/tasks/UPID:x:/log", "total"), None);
    }
}
