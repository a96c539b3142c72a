//! `ceph osd ...` about OSDs and flags.

use serde_json::json;

use super::args::{Args, Command, Kind, flag, many, opt, req};
use super::{Reply, osd_id};
use crate::cluster::ceph::{Ceph, Errno, Refusal, Time};

const SET: &[&str] = &[
    "full",
    "pause",
    "noup",
    "nodown",
    "noout",
    "noin",
    "nobackfill",
    "norebalance",
    "norecover",
    "noscrub",
    "nodeep-scrub",
    "notieragent",
    "nosnaptrim",
    "pglog_hardlimit",
];
const UNSET: &[&str] = &[
    "full",
    "pause",
    "noup",
    "nodown",
    "noout",
    "noin",
    "nobackfill",
    "norebalance",
    "norecover",
    "noscrub",
    "nodeep-scrub",
    "notieragent",
    "nosnaptrim",
];

pub(super) const COMMANDS: &[Command] = &[
    Command {
        prefix: &["osd", "tree"],
        params: &[],
        help: "print OSD tree",
        run: |ceph, _, _| Reply::json(ceph.osd_tree_json()),
    },
    Command {
        prefix: &["osd", "dump"],
        params: &[],
        help: "print summary of OSD map",
        run: |ceph, _, _| Reply::json(ceph.osd_dump_json()),
    },
    Command {
        prefix: &["osd", "df"],
        params: &[opt("output_method", Kind::Choice(&["plain", "tree"]))],
        help: "show OSD utilization",
        run: |ceph, _, args| Reply::json(ceph.osd_df_json(args.get("output_method") == Some("tree"))),
    },
    Command {
        prefix: &["osd", "stat"],
        params: &[],
        help: "print summary of OSD map",
        run: |ceph, _, _| Reply::json(ceph.osd_stat_json()),
    },
    Command {
        prefix: &["osd", "ls"],
        params: &[],
        help: "show all OSD ids",
        run: |ceph, _, args| {
            let ids: Vec<u32> = ceph.osds.keys().copied().collect();
            if args.json {
                Reply::json(json!(ids))
            } else {
                Reply::lines(false, ids.iter().map(u32::to_string).collect())
            }
        },
    },
    Command {
        prefix: &["osd", "out"],
        params: &[many("ids", Kind::Str)],
        help: "set osd(s) <id> [<id>...] out, or use <any|all> to set all osds out",
        run: |ceph, now, args| mark(ceph, now, args, Mark::Out),
    },
    Command {
        prefix: &["osd", "in"],
        params: &[many("ids", Kind::Str)],
        help: "set osd(s) <id> [<id>...] in, can use <any|all> to automatically set all previously out osds in",
        run: |ceph, now, args| mark(ceph, now, args, Mark::In),
    },
    Command {
        prefix: &["osd", "down"],
        params: &[many("ids", Kind::Str), flag("definitely_dead")],
        help: "set osd(s) <id> [<id>...] down, or use <any|all> to set all osds down",
        run: |ceph, now, args| mark(ceph, now, args, Mark::Down),
    },
    Command {
        prefix: &["osd", "reweight"],
        params: &[req("id", Kind::OsdId), req("weight", Kind::Share)],
        help: "reweight osd to 0.0 < <weight> < 1.0",
        run: reweight,
    },
    Command {
        prefix: &["osd", "new"],
        params: &[req("uuid", Kind::Uuid), opt("id", Kind::OsdId)],
        help: "Create a new OSD. If supplied, the `id` to be replaced needs to exist and have been previously destroyed. Reads secrets from JSON file via `-i <file>` (see man page).",
        run: new,
    },
    Command {
        prefix: &["osd", "purge"],
        params: &[req("id", Kind::OsdId), flag("force"), flag("yes_i_really_mean_it")],
        help: "purge all osd data from the monitors including the OSD id and CRUSH position",
        run: purge,
    },
    Command {
        prefix: &["osd", "destroy"],
        params: &[req("id", Kind::OsdId), flag("force"), flag("yes_i_really_mean_it")],
        help: "mark osd as being destroyed. Keeps the ID intact (allowing reuse), but removes cephx keys, config-key data and lockbox keys, rendering data permanently unreadable.",
        run: destroy,
    },
    Command {
        prefix: &["osd", "metadata"],
        params: &[opt("id", Kind::OsdId)],
        help: "fetch metadata for osd {id} (default all)",
        run: metadata,
    },
    Command {
        prefix: &["osd", "find"],
        params: &[req("id", Kind::OsdId)],
        help: "find osd <id> in the CRUSH map and show its location",
        run: find,
    },
    Command {
        prefix: &["osd", "safe-to-destroy"],
        params: &[many("ids", Kind::Str)],
        help: "check whether osd(s) can be safely destroyed without reducing data durability",
        run: safe_to_destroy,
    },
    Command {
        prefix: &["osd", "ok-to-stop"],
        params: &[many("ids", Kind::Str)],
        help: "check whether osd(s) can be safely stopped without reducing immediate data availability",
        run: ok_to_stop,
    },
    Command {
        prefix: &["osd", "set"],
        params: &[req("key", Kind::Choice(SET)), flag("yes_i_really_mean_it")],
        help: "set <key>",
        run: |ceph, _, args| switch(ceph, args.word("key"), true),
    },
    Command {
        prefix: &["osd", "unset"],
        params: &[req("key", Kind::Choice(UNSET))],
        help: "unset <key>",
        run: |ceph, _, args| switch(ceph, args.word("key"), false),
    },
    Command {
        prefix: &["osd", "set-group"],
        params: &[req("flags", Kind::Str), many("who", Kind::Str)],
        help: "set <flags> for batch osds or crush nodes, <flags> must be a comma-separated subset of {noup,nodown,noin,noout}",
        run: |ceph, _, args| group(ceph, args, true),
    },
    Command {
        prefix: &["osd", "unset-group"],
        params: &[req("flags", Kind::Str), many("who", Kind::Str)],
        help: "unset <flags> for batch osds or crush nodes, <flags> must be a comma-separated subset of {noup,nodown,noin,noout}",
        run: |ceph, _, args| group(ceph, args, false),
    },
];

enum Mark {
    Out,
    In,
    Down,
}

fn mark(ceph: &mut Ceph, now: Time, args: &Args, mark: Mark) -> Reply {
    let mut note = String::new();
    let words = args.all("ids");
    let every = words.iter().any(|w| matches!(*w, "all" | "any" | "*"));
    let ids: Result<Vec<u32>, Refusal> = if every {
        // `in any` only speaks of those that are out, and so on.
        let fits = |o: &crate::cluster::ceph::Osd| match mark {
            Mark::Out => o.is_in(),
            Mark::In => !o.is_in(),
            Mark::Down => o.up,
        };
        Ok(ceph.osds.iter().filter(|(_, o)| fits(o)).map(|(id, _)| *id).collect())
    } else {
        let bad = |w: &str| {
            Refusal::new(Errno::Inval, format!("Expected option value to be integer, got '{w}'invalid osd id-1"))
        };
        words.iter().map(|w| osd_id(w).ok_or_else(|| bad(w))).collect()
    };
    let ids = match ids {
        Ok(ids) => ids,
        Err(refusal) => return refusal.into(),
    };
    for id in ids {
        let (word, done) = match mark {
            Mark::Out => ("out", ceph.osd_out(id, now)),
            Mark::In => ("in", ceph.osd_in(id, now)),
            Mark::Down => ("down", ceph.osds.contains_key(&id).then(|| ceph.mark_down(id))),
        };
        note += &match done {
            None => format!("osd.{id} does not exist. "),
            Some(false) => format!("osd.{id} is already {word}. "),
            Some(true) => format!("marked {word} osd.{id}. "),
        };
    }
    Reply::note(note)
}

fn id_of(args: &Args) -> u32 {
    // The parser lets only ids through.
    osd_id(args.word("id")).unwrap_or(u32::MAX)
}

fn missing(id: u32) -> Reply {
    Refusal::new(Errno::NoEnt, format!("osd.{id} does not exist")).into()
}

fn reweight(ceph: &mut Ceph, _: Time, args: &Args) -> Reply {
    let (id, weight) = (id_of(args), args.number("weight").unwrap_or(0.0));
    let fixed = (weight * 65536.0) as u32;
    let Some(osd) = ceph.osds.get_mut(&id) else { return missing(id) };
    osd.reweight = fixed;
    ceph.remapped();
    Reply::note(format!("reweighted osd.{id} to {weight} ({fixed:x})"))
}

fn new(ceph: &mut Ceph, _: Time, args: &Args) -> Reply {
    let uuid = args.word("uuid");
    let wanted = args.get("id").and_then(osd_id);
    let known = ceph.osds.iter().find(|(_, o)| o.uuid == uuid).map(|(id, _)| *id);
    match (known, wanted) {
        (Some(id), Some(other)) if id != other => {
            Refusal::new(Errno::Exist, format!("uuid {uuid} already in use for different id {id}")).into()
        }
        (Some(id), _) => Reply::text(format!("{id}\n")),
        (None, Some(id)) if ceph.osds.get(&id).is_some_and(|osd| osd.destroyed) => {
            ceph.renew_osd(id, uuid);
            Reply::text(format!("{id}\n"))
        }
        (None, Some(id)) if ceph.osds.contains_key(&id) => {
            Refusal::new(Errno::Inval, format!("id {id} already in use and does not match uuid {uuid}")).into()
        }
        (None, Some(id)) => missing(id),
        (None, None) => Reply::text(format!("{}\n", ceph.new_osd(uuid))),
    }
}

/// What keeps an OSD from being purged or destroyed; `None`: nothing.
fn in_the_way(ceph: &Ceph, args: &Args) -> Option<Refusal> {
    let id = id_of(args);
    let sure = args.has("force") || args.has("yes_i_really_mean_it");
    if !sure && let Err(refusal) = ceph.safe_to_destroy(&[id]).verdict() {
        let text = format!(
            "{}\nYou can proceed by passing --force, but be warned that this will likely mean real, permanent data loss.",
            refusal.text
        );
        return Some(Refusal::new(refusal.errno, text));
    }
    let up = ceph.osds.get(&id).is_some_and(|osd| osd.up);
    up.then(|| Refusal::new(Errno::Busy, format!("osd.{id} is not `down`.")))
}

fn purge(ceph: &mut Ceph, now: Time, args: &Args) -> Reply {
    let id = id_of(args);
    match in_the_way(ceph, args) {
        Some(refusal) => refusal.into(),
        None if !ceph.osds.contains_key(&id) => Reply::note(format!("osd.{id} does not exist")),
        None => {
            ceph.forget_osd(id, now);
            Reply::note(format!("purged osd.{id}"))
        }
    }
}

fn destroy(ceph: &mut Ceph, now: Time, args: &Args) -> Reply {
    let id = id_of(args);
    match in_the_way(ceph, args) {
        Some(refusal) => refusal.into(),
        // Belief: that a missing one is an error here; only `purge` of one was recorded.
        None if !ceph.osds.contains_key(&id) => missing(id),
        None => {
            ceph.destroy_osd(id, now);
            Reply::note(format!("destroyed osd.{id}"))
        }
    }
}

fn metadata(ceph: &mut Ceph, _: Time, args: &Args) -> Reply {
    let Some(id) = args.get("id").and_then(osd_id) else {
        return Reply::json(ceph.osds.keys().filter_map(|id| ceph.osd_metadata_json(*id)).collect());
    };
    match ceph.osd_metadata_json(id) {
        Some(metadata) => Reply::json(metadata),
        // Of an OSD that was never up Ceph has no metadata, and no words for it either.
        None if ceph.osds.contains_key(&id) => Refusal::new(Errno::NoEnt, String::new()).into(),
        None => missing(id),
    }
}

fn find(ceph: &mut Ceph, _: Time, args: &Args) -> Reply {
    let id = id_of(args);
    let Some(osd) = ceph.osds.get(&id) else { return missing(id) };
    let place: serde_json::Map<String, serde_json::Value> =
        ceph.crush.location(id as i32).into_iter().map(|(kind, name)| (kind.to_string(), json!(name))).collect();
    Reply::json(json!({"osd": id, "osd_fsid": osd.uuid, "host": osd.node, "crush_location": place}))
}

fn ids(args: &Args) -> Result<Vec<u32>, Refusal> {
    let bad = |w: &str| {
        Refusal::new(Errno::Inval, format!("Expected option value to be integer, got '{w}'invalid osd id '{w}'"))
    };
    args.all("ids").into_iter().map(|w| osd_id(w).ok_or_else(|| bad(w))).collect()
}

fn safe_to_destroy(ceph: &mut Ceph, _: Time, args: &Args) -> Reply {
    let ids = match ids(args) {
        Ok(ids) => ids,
        Err(refusal) => return refusal.into(),
    };
    let safe = ceph.safe_to_destroy(&ids);
    // With `-f json` the answer is in the JSON and the exit status is 0 whatever it says; a missing
    // OSD's text is the exception that is still told when all is safe.
    if args.json { Reply::json(safe.json()) } else { safe.verdict().into() }
}

fn ok_to_stop(ceph: &mut Ceph, _: Time, args: &Args) -> Reply {
    let ids = match ids(args) {
        Ok(ids) => ids,
        Err(refusal) => return refusal.into(),
    };
    let verdict = ceph.ok_to_stop(&ids);
    let mut reply = Reply::text(format!("{}\n", verdict.json()));
    if args.json {
        reply = Reply::json(verdict.json());
    }
    if let Some(refusal) = verdict.refusal() {
        reply.errno = Some(refusal.errno);
        reply.note = refusal.text;
    }
    reply
}

fn switch(ceph: &mut Ceph, key: &str, on: bool) -> Reply {
    if !ceph.set_flag(key, on) {
        return Refusal::new(Errno::Inval, format!("unrecognized flag '{key}'")).into();
    }
    let shown = if key == "pause" { "pauserd,pausewr" } else { key };
    Reply::note(format!("{shown} is {}", if on { "set" } else { "unset" }))
}

fn group(ceph: &mut Ceph, args: &Args, on: bool) -> Reply {
    let flags: Vec<&str> = args.word("flags").split(',').collect();
    for flag in &flags {
        if !matches!(*flag, "noup" | "nodown" | "noin" | "noout") {
            let text = format!("unrecognized flag '{flag}', must be one of {{noup,nodown,noin,noout}}");
            return Refusal::new(Errno::Inval, text).into();
        }
    }
    let mut note = String::new();
    for who in args.all("who") {
        if let Some(id) = osd_id(who) {
            match ceph.osds.get_mut(&id) {
                None => note += &format!("osd.{id} does not exist. "),
                Some(osd) => {
                    osd.flags.retain(|f| !flags.contains(&f.as_str()));
                    if on {
                        osd.flags.extend(flags.iter().map(|f| (*f).to_string()));
                    }
                }
            }
        } else if ceph.crush.bucket_named(who).is_some() {
            let set = ceph.bucket_flags.entry(who.into()).or_default();
            for flag in &flags {
                if on {
                    set.insert((*flag).into());
                } else {
                    set.remove(*flag);
                }
            }
            ceph.bucket_flags.retain(|_, set| !set.is_empty());
        } else {
            return Refusal::new(Errno::Inval, format!("invalid osd id or crush node '{who}'")).into();
        }
    }
    ceph.changed();
    Reply::note(note)
}
