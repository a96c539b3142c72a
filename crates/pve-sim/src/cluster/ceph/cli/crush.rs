//! `ceph osd crush ...`.

use serde_json::json;

use super::args::{Args, Command, Kind, any, flag, many, opt, req};
use super::{Reply, osd_id};
use crate::cluster::ceph::crush::{ONE, RuleError, weight_of};
use crate::cluster::ceph::{Ceph, Errno, Refusal, Time};

pub(super) const COMMANDS: &[Command] = &[
    Command {
        prefix: &["osd", "crush", "rule", "create-replicated"],
        params: &[req("name", Kind::Name), req("root", Kind::Name), req("type", Kind::Name), opt("class", Kind::Name)],
        help: "create crush rule <name> for replicated pool to start from <root>, replicate across buckets of type <type>, use devices of type <class> (ssd or hdd)",
        run: create_replicated,
    },
    Command {
        prefix: &["osd", "crush", "rule", "create-simple"],
        params: &[
            req("name", Kind::Name),
            req("root", Kind::Name),
            req("type", Kind::Name),
            opt("mode", Kind::Choice(&["firstn", "indep"])),
        ],
        help: "create crush rule <name> to start from <root>, replicate across buckets of type <type>, using a choose mode of <firstn|indep> (default firstn; indep best for erasure pools)",
        run: create_replicated,
    },
    Command {
        prefix: &["osd", "crush", "rule", "ls"],
        params: &[],
        help: "list crush rules",
        run: |ceph, _, args| Reply::lines(args.json, ceph.crush.rules().map(|r| r.name.clone()).collect()),
    },
    Command {
        prefix: &["osd", "crush", "rule", "list"],
        params: &[],
        help: "list crush rules",
        run: |ceph, _, args| Reply::lines(args.json, ceph.crush.rules().map(|r| r.name.clone()).collect()),
    },
    Command {
        prefix: &["osd", "crush", "rule", "ls-by-class"],
        params: &[req("class", Kind::Name)],
        help: "list all crush rules that reference the same <class>",
        run: rules_by_class,
    },
    Command {
        prefix: &["osd", "crush", "rule", "dump"],
        params: &[opt("name", Kind::Name)],
        help: "dump crush rule <name> (default all)",
        run: rule_dump,
    },
    Command {
        prefix: &["osd", "crush", "rule", "rm"],
        params: &[req("name", Kind::Name)],
        help: "remove crush rule <name>",
        run: rule_rm,
    },
    Command {
        prefix: &["osd", "crush", "rule", "rename"],
        params: &[req("srcname", Kind::Name), req("dstname", Kind::Name)],
        help: "rename crush rule <srcname> to <dstname>",
        run: rule_rename,
    },
    Command {
        prefix: &["osd", "crush", "class", "ls"],
        params: &[],
        help: "list all crush device classes",
        run: |ceph, _, _| Reply::json(json!(ceph.crush.classes())),
    },
    Command {
        prefix: &["osd", "crush", "class", "ls-osd"],
        params: &[req("class", Kind::Name)],
        help: "list all osds belonging to the specific <class>",
        run: class_osds,
    },
    Command {
        prefix: &["osd", "crush", "class", "create"],
        params: &[req("class", Kind::Name)],
        help: "create crush device class <class>",
        run: class_create,
    },
    Command {
        prefix: &["osd", "crush", "class", "rm"],
        params: &[req("class", Kind::Name)],
        help: "remove crush device class <class>",
        run: class_rm,
    },
    Command {
        prefix: &["osd", "crush", "set-device-class"],
        params: &[req("class", Kind::Str), many("ids", Kind::Str)],
        help: "set the <class> of the osd(s) <id> [<id>...],or use <all|any> to set all.",
        run: set_device_class,
    },
    Command {
        prefix: &["osd", "crush", "rm-device-class"],
        params: &[many("ids", Kind::Str)],
        help: "remove class of the osd(s) <id> [<id>...],or use <all|any> to remove all.",
        run: rm_device_class,
    },
    Command {
        prefix: &["osd", "crush", "get-device-class"],
        params: &[many("ids", Kind::Str)],
        help: "get classes of specified osd(s) <id> [<id>...]",
        run: get_device_class,
    },
    Command {
        prefix: &["osd", "crush", "add-bucket"],
        params: &[req("name", Kind::Name), req("type", Kind::Str), any("args", Kind::Str)],
        help: "add no-parent (probably root) crush bucket <name> of type <type> to location <args>",
        run: add_bucket,
    },
    Command {
        prefix: &["osd", "crush", "move"],
        params: &[req("name", Kind::Name), many("args", Kind::Str)],
        help: "move existing entry for <name> to location <args>",
        run: move_item,
    },
    Command {
        prefix: &["osd", "crush", "rm"],
        params: &[req("name", Kind::Name)],
        help: "remove <name> from crush map (everywhere, or just at <ancestor>)",
        run: remove_item,
    },
    Command {
        prefix: &["osd", "crush", "reweight"],
        params: &[req("name", Kind::Name), req("weight", Kind::Float)],
        help: "change <name>'s weight to <weight> in crush map",
        run: reweight,
    },
    Command {
        prefix: &["osd", "crush", "tree"],
        params: &[flag("show_shadow")],
        help: "dump crush buckets and items in a tree view",
        run: |ceph, _, args| Reply::json(ceph.crush_tree_json(args.has("show_shadow"))),
    },
];

fn create_replicated(ceph: &mut Ceph, _: Time, args: &Args) -> Reply {
    let name = args.word("name");
    if name.is_empty() {
        // A real 16.2 monitor aborts here and the command hangs; nobody is served by that.
        return Refusal::new(Errno::Inval, "an empty rule name crashes the monitor").into();
    }
    match ceph.crush.create_rule(name, args.word("root"), args.word("type"), args.get("class")) {
        Ok(true) => {
            ceph.changed();
            Reply::default()
        }
        Ok(false) => Reply::note(format!("rule {name} already exists")),
        Err(refusal) => refusal.into(),
    }
}

fn rules_by_class(ceph: &mut Ceph, _: Time, args: &Args) -> Reply {
    let class = args.word("class");
    if !ceph.crush.classes().iter().any(|c| c == class) {
        return Refusal::new(Errno::NoEnt, format!("failed to get rules by class '{class}'")).into();
    }
    Reply::lines(args.json, ceph.crush.rules_by_class(class).iter().map(|r| r.name.clone()).collect())
}

fn rule_dump(ceph: &mut Ceph, _: Time, args: &Args) -> Reply {
    let Some(name) = args.get("name") else {
        return Reply::json(ceph.crush.rules().map(|r| ceph.crush.rule_json(r, &ceph.release)).collect());
    };
    match ceph.crush.rule_named(name) {
        Some(rule) => Reply::json(ceph.crush.rule_json(rule, &ceph.release)),
        None => Refusal::new(Errno::NoEnt, format!("unknown crush rule '{name}'")).into(),
    }
}

fn rule_rm(ceph: &mut Ceph, _: Time, args: &Args) -> Reply {
    let name = args.word("name");
    let Some(id) = ceph.crush.rule_named(name).map(|r| r.id) else {
        return Reply::note(format!("rule {name} does not exist"));
    };
    if ceph.pools.values().any(|p| p.crush_rule == id) {
        // Belief: later releases say "rule" where 16.2 said "ruleset".
        let word = if ceph.release.major() < 17 { "ruleset" } else { "rule" };
        return Refusal::new(Errno::Busy, format!("crush {word} {name} {id} is in use")).into();
    }
    ceph.crush.remove_rule(id);
    ceph.changed();
    Reply::default()
}

fn rule_rename(ceph: &mut Ceph, _: Time, args: &Args) -> Reply {
    match ceph.crush.rename_rule(args.word("srcname"), args.word("dstname")) {
        Ok(()) => {
            ceph.changed();
            Reply::default()
        }
        Err(RuleError::Note(text)) => Reply::note(text),
        Err(RuleError::Refused(refusal)) => refusal.into(),
    }
}

fn class_osds(ceph: &mut Ceph, _: Time, args: &Args) -> Reply {
    let osds = ceph.crush.osds_of_class(args.word("class"));
    if args.json { Reply::json(json!(osds)) } else { Reply::lines(false, osds.iter().map(u32::to_string).collect()) }
}

fn class_create(ceph: &mut Ceph, _: Time, args: &Args) -> Reply {
    let class = args.word("class");
    match ceph.crush.create_class(class) {
        Some(id) => {
            ceph.changed();
            Reply::note(format!("created class {class} with id {id} to crush map"))
        }
        None => Reply::note(format!("class '{class}' already exists")),
    }
}

fn class_rm(ceph: &mut Ceph, _: Time, args: &Args) -> Reply {
    let class = args.word("class");
    match ceph.crush.remove_class(class) {
        Ok(Some(id)) => {
            ceph.changed();
            Reply::note(format!("removed class {class} with id {id} from crush map"))
        }
        Ok(None) => Reply::default(),
        Err(refusal) => refusal.into(),
    }
}

/// `all`, `any` and `*` mean every OSD.
fn ids(ceph: &Ceph, args: &Args) -> Result<Vec<u32>, Refusal> {
    let words = args.all("ids");
    if words.iter().any(|w| matches!(*w, "all" | "any" | "*")) {
        return Ok(ceph.osds.keys().copied().collect());
    }
    let bad = |w: &str| Refusal::new(Errno::Inval, format!("unable to parse osd id:\"{w}\". "));
    words.into_iter().map(|w| osd_id(w).ok_or_else(|| bad(w))).collect()
}

fn join(ids: &[u32]) -> String {
    ids.iter().map(u32::to_string).collect::<Vec<_>>().join(",")
}

fn set_device_class(ceph: &mut Ceph, _: Time, args: &Args) -> Reply {
    let class = args.word("class");
    let wanted = match ids(ceph, args) {
        Ok(ids) => ids,
        Err(refusal) => return refusal.into(),
    };
    let (mut done, mut note) = (vec![], String::new());
    for id in wanted {
        if !ceph.osds.contains_key(&id) {
            note += &format!("osd.{id} does not exist. ");
            continue;
        }
        match ceph.crush.class_of(id) {
            Some(current) if current == class => {
                note += &format!(
                    "osd.{id} already set to class {class}. set-device-class item id {id} name 'osd.{id}' device_class '{class}': no change. "
                );
            }
            Some(current) => {
                let text = format!(
                    "osd.{id} has already bound to class '{current}', can not reset class to '{class}'; use 'ceph osd crush rm-device-class <id>' to remove old class first"
                );
                return Refusal::new(Errno::Busy, text).into();
            }
            None => {
                ceph.crush.set_class(id, class);
                done.push(id);
            }
        }
    }
    ceph.changed();
    Reply::note(format!("{note}set osd(s) {} to class '{class}'", join(&done)))
}

fn rm_device_class(ceph: &mut Ceph, _: Time, args: &Args) -> Reply {
    let wanted = match ids(ceph, args) {
        Ok(ids) => ids,
        Err(refusal) => return refusal.into(),
    };
    let (mut done, mut note) = (vec![], String::new());
    for id in wanted {
        if !ceph.osds.contains_key(&id) {
            note += &format!("osd.{id} does not exist. ");
        } else if ceph.crush.clear_class(id) {
            done.push(id);
        } else {
            note += &format!("osd.{id} belongs to no class, ");
        }
    }
    ceph.changed();
    Reply::note(format!("{note}done removing class of osd(s): {}", join(&done)))
}

fn get_device_class(ceph: &mut Ceph, _: Time, args: &Args) -> Reply {
    match ids(ceph, args) {
        Ok(ids) => {
            let classes = ids.iter().filter_map(|id| ceph.crush.class_of(*id)).map(str::to_string).collect();
            Reply::lines(args.json, classes)
        }
        Err(refusal) => refusal.into(),
    }
}

fn add_bucket(ceph: &mut Ceph, _: Time, args: &Args) -> Reply {
    let (name, kind) = (args.word("name"), args.word("type"));
    match ceph.crush.add_bucket(name, kind) {
        Ok(true) => {
            ceph.changed();
            Reply::note(format!("added bucket {name} type {kind} to crush map"))
        }
        Ok(false) => Reply::note(format!("bucket '{name}' already exists")),
        Err(refusal) => refusal.into(),
    }
}

fn move_item(ceph: &mut Ceph, _: Time, args: &Args) -> Reply {
    let name = args.word("name");
    let Some(id) = ceph.crush.item_named(name) else {
        return Refusal::new(Errno::NoEnt, format!("item {name} does not exist")).into();
    };
    let mut place = vec![];
    for pair in args.all("args") {
        match pair.split_once('=') {
            Some((kind, bucket)) => place.push((kind.to_string(), bucket.to_string())),
            None => return Refusal::new(Errno::Inval, format!("bad location '{pair}'")).into(),
        }
    }
    place.sort();
    let text: Vec<String> = place.iter().map(|(k, v)| format!("{k}={v}")).collect();
    let tail = format!("item id {id} name '{name}' to location {{{}}} in crush map", text.join(","));
    match ceph.crush.move_item(id, &place) {
        Ok(Some(())) => {
            ceph.changed();
            Reply::note(format!("moved {tail}"))
        }
        Ok(None) => Reply::note(format!("no need to move {tail}")),
        Err(refusal) => refusal.into(),
    }
}

fn remove_item(ceph: &mut Ceph, _: Time, args: &Args) -> Reply {
    let name = args.word("name");
    let removed = match ceph.crush.item_named(name) {
        Some(id) => ceph.crush.remove_item(id).map(|done| done.then_some(id)),
        None => Ok(None),
    };
    match removed {
        Ok(Some(id)) => {
            ceph.changed();
            Reply::note(format!("removed item id {id} name '{name}' from crush map"))
        }
        Ok(None) => Reply::note(format!("device '{name}' does not appear in the crush map")),
        Err(refusal) => refusal.into(),
    }
}

fn reweight(ceph: &mut Ceph, _: Time, args: &Args) -> Reply {
    let name = args.word("name");
    let weight = args.number("weight").unwrap_or(0.0);
    let id = ceph.crush.item_named(name).and_then(|id| u32::try_from(id).ok());
    let Some(id) = id.filter(|id| ceph.crush.set_weight(*id, weight_of(weight).min(u32::MAX / ONE * ONE))) else {
        return Refusal::new(Errno::NoEnt, format!("device '{name}' does not appear in the crush map")).into();
    };
    ceph.changed();
    Reply::note(format!("reweighted item id {id} name '{name}' to {weight} in crush map"))
}
