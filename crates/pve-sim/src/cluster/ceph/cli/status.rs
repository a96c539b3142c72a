//! Health, status, placement groups, monitors and managers.

use serde_json::{Value, json};

use super::Reply;
use super::args::{Args, Command, Kind, many, opt, req};
use crate::cluster::ceph::{Ceph, Errno, PgReport, Refusal, Time};

pub(super) const COMMANDS: &[Command] = &[
    Command {
        prefix: &["health"],
        params: &[opt("detail", Kind::Choice(&["detail"]))],
        help: "show cluster health",
        run: health,
    },
    Command {
        prefix: &["status"],
        params: &[],
        help: "show cluster status",
        run: |ceph, _, _| Reply::json(ceph.status_json()),
    },
    Command {
        prefix: &["df"],
        params: &[],
        help: "show cluster free space stats",
        run: |ceph, _, _| Reply::json(ceph.df_json()),
    },
    Command {
        prefix: &["fsid"],
        params: &[],
        help: "show cluster FSID/UUID",
        run: |ceph, _, args| {
            let fsid = ceph.fsid();
            if args.json { Reply::json(json!({"fsid": fsid})) } else { Reply::text(format!("{fsid}\n")) }
        },
    },
    Command { prefix: &["versions"], params: &[], help: "check running versions of ceph daemons", run: versions },
    Command { prefix: &["pg", "stat"], params: &[], help: "show placement group status.", run: pg_stat },
    Command {
        prefix: &["pg", "ls"],
        params: &[opt("pool", Kind::Int), opt("states", Kind::Str)],
        help: "list pg with specific pool, osd, state",
        run: |ceph, _, args| {
            let pool = args.number("pool").map(|n| n as u32);
            pgs(ceph, |pg| pool.is_none_or(|id| id == pg.pool) && args.get("states").is_none_or(|s| pg.has(s)))
        },
    },
    Command {
        prefix: &["pg", "ls-by-pool"],
        params: &[req("poolstr", Kind::Str), opt("states", Kind::Str)],
        help: "list pg with pool = [poolname]",
        run: ls_by_pool,
    },
    Command {
        prefix: &["pg", "dump"],
        params: &[req("dumpcontents", Kind::Choice(&["pgs_brief"]))],
        help: "show human-readable versions of pg map (only 'all' valid with plain)",
        run: |ceph, _, _| Reply { note: "dumped pgs_brief".into(), ..pgs(ceph, |_| true) },
    },
    Command {
        prefix: &["mon", "stat"],
        params: &[],
        help: "summarize monitor status",
        run: |ceph, _, _| Reply::json(ceph.mon_stat_json()),
    },
    Command {
        prefix: &["mon", "dump"],
        params: &[],
        help: "dump formatted monmap (optionally from epoch)",
        run: |ceph, _, _| {
            let mut map = ceph.monmap_json();
            let note = format!("dumped monmap epoch {}", map["epoch"]);
            map["quorum"] = ceph.quorum_status_json()["quorum"].take();
            Reply { note, ..Reply::json(map) }
        },
    },
    Command {
        prefix: &["quorum_status"],
        params: &[],
        help: "report status of monitor quorum",
        run: |ceph, _, _| Reply::json(ceph.quorum_status_json()),
    },
    Command {
        prefix: &["mon", "ok-to-stop"],
        params: &[many("ids", Kind::Str)],
        help: "check whether mon(s) can be safely stopped without reducing immediate availability",
        run: |ceph, _, args| ceph.mon_ok_to_stop(&args.all("ids")).into(),
    },
    Command {
        prefix: &["mon", "ok-to-rm"],
        params: &[req("id", Kind::Str)],
        help: "check whether removing the specified mon would break quorum",
        run: |ceph, _, args| ceph.mon_ok_to_rm(args.word("id")).into(),
    },
    Command {
        prefix: &["mgr", "stat"],
        params: &[],
        help: "dump basic info about the mgr cluster state",
        run: |ceph, _, _| Reply::json(ceph.mgr_stat_json()),
    },
    Command {
        prefix: &["mgr", "dump"],
        params: &[],
        help: "dump the latest MgrMap",
        run: |ceph, _, _| Reply::json(ceph.mgr_dump_json()),
    },
];

fn health(ceph: &mut Ceph, _: Time, args: &Args) -> Reply {
    let detail = args.has("detail");
    if args.json {
        return Reply::json(ceph.health_json(detail));
    }
    let checks = ceph.health();
    let mut text = Ceph::health_status(&checks).to_string();
    let messages: Vec<&str> = checks.iter().map(|c| c.message.as_str()).collect();
    if !messages.is_empty() {
        text += &format!(" {}", messages.join("; "));
    }
    text.push('\n');
    if detail {
        for check in &checks {
            let mark = if check.severity == "HEALTH_ERR" { "ERR" } else { "WRN" };
            text += &format!("[{mark}] {}: {}\n", check.code, check.message);
            text.extend(check.detail.iter().map(|line| format!("    {line}\n")));
        }
    }
    Reply::text(text)
}

fn versions(ceph: &mut Ceph, _: Time, _: &Args) -> Reply {
    let of = |n: usize| if n > 0 { json!({ceph.release.long(): n}) } else { json!({}) };
    let (mon, mgr) = (ceph.mons.iter().filter(|m| m.in_quorum).count(), ceph.mgrs.iter().filter(|m| m.seen).count());
    let osd = ceph.osds.values().filter(|o| o.up).count();
    Reply::json(json!({"mon": of(mon), "mgr": of(mgr), "osd": of(osd), "mds": {}, "overall": of(mon + mgr + osd)}))
}

fn pg_stat(ceph: &mut Ceph, _: Time, _: &Args) -> Reply {
    Reply::json(ceph.pg_stat_json())
}

fn pg_json(pg: &PgReport) -> Value {
    let primary = |ids: &[u32]| ids.first().map_or(-1, |id| i64::from(*id));
    json!({"pgid": pg.id(), "state": pg.state, "up": pg.up, "acting": pg.acting,
        "up_primary": primary(&pg.up), "acting_primary": primary(&pg.acting)})
}

fn pgs(ceph: &Ceph, wanted: impl Fn(&PgReport) -> bool) -> Reply {
    let rows: Vec<Value> = ceph.report().pgs.iter().filter(|pg| wanted(pg)).map(pg_json).collect();
    Reply::json(json!({"pg_ready": true, "pg_stats": rows}))
}

fn ls_by_pool(ceph: &mut Ceph, _: Time, args: &Args) -> Reply {
    let name = args.word("poolstr");
    let Some(id) = ceph.pool_named(name).map(|p| p.id) else {
        return Refusal::new(Errno::NoEnt, format!("pool {name} does not exist")).into();
    };
    pgs(ceph, |pg| pg.pool == id && args.get("states").is_none_or(|s| pg.has(s)))
}
