//! `ceph config ...`.

use serde_json::Value;

use super::args::{Args, Command, Kind, flag, opt, req};
use super::{Reply, osd_id};
use crate::cluster::ceph::{Ceph, Time};

pub(super) const COMMANDS: &[Command] = &[
    Command {
        prefix: &["config", "set"],
        params: &[req("who", Kind::Str), req("name", Kind::Str), req("value", Kind::Str), flag("force")],
        help: "Set a configuration option for one or more entities",
        run: |ceph, _, args| {
            let force = args.has("force");
            let done = ceph.config.set(args.word("who"), args.word("name"), args.word("value"), force);
            done.map_or_else(Reply::from, |()| Reply::default())
        },
    },
    Command {
        prefix: &["config", "rm"],
        params: &[req("who", Kind::Str), req("name", Kind::Str)],
        help: "Clear a configuration option for one or more entities",
        run: |ceph, _, args| {
            let done = ceph.config.remove(args.word("who"), args.word("name"));
            done.map_or_else(Reply::from, |()| Reply::default())
        },
    },
    Command {
        prefix: &["config", "dump"],
        params: &[],
        help: "Show all configuration option(s)",
        run: |ceph, _, args| {
            if args.json { Reply::json(ceph.config.dump().into()) } else { Reply::text(table(&ceph.config.dump())) }
        },
    },
    Command {
        prefix: &["config", "get"],
        params: &[req("who", Kind::Str), opt("key", Kind::Str)],
        help: "Show configuration option(s) for an entity",
        run: get,
    },
];

fn get(ceph: &mut Ceph, _: Time, args: &Args) -> Reply {
    let who = args.word("who");
    let masks = masks_of(ceph, who);
    match args.get("key") {
        Some(key) => match ceph.config.get(who, &masks, key) {
            Ok(value) if args.json => Reply::json(serde_json::from_str(&value).unwrap_or(Value::String(value))),
            Ok(value) => Reply::text(format!("{value}\n")),
            Err(refusal) => refusal.into(),
        },
        None => ceph.config.get_all(who, &masks).map_or_else(Reply::from, Reply::json),
    }
}

/// The masks an OSD falls under, weaker first: a host mask beats a class mask.
fn masks_of(ceph: &Ceph, who: &str) -> Vec<String> {
    let Some(id) = who.strip_prefix("osd.").and_then(osd_id) else { return vec![] };
    let class = ceph.crush.class_of(id).map(|c| format!("class:{c}"));
    let places = ceph.crush.location(id as i32).into_iter().rev().map(|(kind, name)| format!("{kind}:{name}"));
    class.into_iter().chain(places).collect()
}

/// The plain table: sections indented by how special they are.
fn table(rows: &[Value]) -> String {
    let text = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_string();
    let mut cells: Vec<[String; 6]> = vec![["WHO", "MASK", "LEVEL", "OPTION", "VALUE", "RO"].map(str::to_string)];
    for row in rows {
        let section = text(row, "section");
        let indent = match section.as_str() {
            "global" => "",
            s if s.contains('.') => "    ",
            _ => "  ",
        };
        let ro = if row["can_update_at_runtime"] == Value::Bool(true) { "" } else { "*" };
        cells.push([
            format!("{indent}{section}"),
            text(row, "mask"),
            text(row, "level"),
            text(row, "name"),
            text(row, "value"),
            ro.to_string(),
        ]);
    }
    let width = |i: usize| cells.iter().map(|c| c[i].len()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..6).map(width).collect();
    let lines = cells.iter().map(|row| {
        let padded: Vec<String> = row.iter().zip(&widths).map(|(c, w)| format!("{c:<w$}")).collect();
        padded.join("  ") + "\n"
    });
    lines.collect()
}
