//! `ceph osd erasure-code-profile ...`, and the rules of erasure coded pools.

use serde_json::json;

use super::Reply;
use super::args::{Args, Command, Kind, any, flag, opt, req};
use crate::cluster::ceph::{Ceph, DEFAULT_PROFILE, Errno, Refusal, Time};

pub(super) const COMMANDS: &[Command] = &[
    Command {
        prefix: &["osd", "erasure-code-profile", "ls"],
        params: &[],
        help: "list all erasure code profiles",
        run: |ceph, _, args| Reply::lines(args.json, ceph.profiles.keys().cloned().collect()),
    },
    Command {
        prefix: &["osd", "erasure-code-profile", "get"],
        params: &[req("name", Kind::Name)],
        help: "get erasure code profile <name>",
        run: get,
    },
    Command {
        prefix: &["osd", "erasure-code-profile", "set"],
        params: &[req("name", Kind::Name), any("profile", Kind::Str), flag("force")],
        help: "create erasure code profile <name> with [<key[=value]> ...] pairs. Add a --force at the end to override an existing profile (VERY DANGEROUS)",
        run: set,
    },
    Command {
        prefix: &["osd", "erasure-code-profile", "rm"],
        params: &[req("name", Kind::Name)],
        help: "remove erasure code profile <name>",
        run: rm,
    },
    Command {
        prefix: &["osd", "crush", "rule", "create-erasure"],
        params: &[req("name", Kind::Name), opt("profile", Kind::Name)],
        help: "create crush rule <name> for erasure coded pool created with <profile> (default default)",
        run: create_rule,
    },
];

fn get(ceph: &mut Ceph, _: Time, args: &Args) -> Reply {
    let name = args.word("name");
    let Some(profile) = ceph.profiles.get(name) else {
        return Refusal::new(Errno::NoEnt, format!("unknown erasure code profile '{name}'")).into();
    };
    match args.json {
        true => Reply::json(profile.json()),
        false => {
            Reply::text(profile.settings.iter().map(|(key, value)| format!("{key}={value}\n")).collect::<String>())
        }
    }
}

fn set(ceph: &mut Ceph, _: Time, args: &Args) -> Reply {
    match ceph.set_profile(args.word("name"), &args.all("profile"), args.has("force")) {
        Ok(()) => Reply::default(),
        Err(refusal) => refusal.into(),
    }
}

fn rm(ceph: &mut Ceph, _: Time, args: &Args) -> Reply {
    let name = args.word("name");
    match ceph.remove_profile(name) {
        Ok(true) => Reply::default(),
        Ok(false) => Reply::note(format!("erasure-code-profile {name} does not exist")),
        Err(refusal) => refusal.into(),
    }
}

fn create_rule(ceph: &mut Ceph, _: Time, args: &Args) -> Reply {
    let name = args.word("name");
    match ceph.create_erasure_rule(name, args.get("profile").unwrap_or(DEFAULT_PROFILE)) {
        Ok(true) => {
            let id = ceph.crush.rule_named(name).map(|rule| json!(rule.id)).unwrap_or_default();
            Reply::note(format!("created rule {name} at {id}"))
        }
        Ok(false) => Reply::note(format!("rule {name} already exists")),
        Err(refusal) => refusal.into(),
    }
}
