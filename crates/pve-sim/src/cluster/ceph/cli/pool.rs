//! `ceph osd pool ...`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Reply;
use super::args::{Args, Command, Kind, flag, opt, req};
use crate::cluster::ceph::{
    Autoscale, Ceph, DEFAULT_PROFILE, EC_OVERWRITES, Errno, NewPool, POOL_FLAGS, Pool, PoolOption, Refusal, Time,
};

macro_rules! vars {
    ($($head:literal),*; $($tail:literal),*) => {
        &[$($head,)* "crush_rule", "hashpspool", "nodelete", "nopgchange", "nosizechange", "write_fadvise_dontneed",
          "noscrub", "nodeep-scrub", "hit_set_type", "hit_set_period", "hit_set_count", "hit_set_fpp", "use_gmt_hitset",
          $($tail,)* "fast_read", "hit_set_grade_decay_rate", "hit_set_search_last_n", "scrub_min_interval",
          "scrub_max_interval", "deep_scrub_interval", "recovery_priority", "recovery_op_priority", "scrub_priority",
          "compression_mode", "compression_algorithm", "compression_required_ratio", "compression_max_blob_size",
          "compression_min_blob_size", "csum_type", "csum_min_block", "csum_max_block", "allow_ec_overwrites",
          "fingerprint_algorithm", "pg_autoscale_mode", "pg_autoscale_bias", "pg_num_min", "pg_num_max",
          "target_size_bytes", "target_size_ratio", "dedup_tier", "dedup_chunk_algorithm", "dedup_cdc_chunk_size", "bulk"]
    };
}

const GET: &[&str] = vars!("size", "min_size", "pg_num", "pgp_num"; "target_max_objects", "target_max_bytes",
    "cache_target_dirty_ratio", "cache_target_dirty_high_ratio", "cache_target_full_ratio", "cache_min_flush_age",
    "cache_min_evict_age", "erasure_code_profile", "min_read_recency_for_promote", "all", "min_write_recency_for_promote");
const SET: &[&str] = vars!("size", "min_size", "pg_num", "pgp_num", "pgp_num_actual"; "target_max_bytes",
    "target_max_objects", "cache_target_dirty_ratio", "cache_target_dirty_high_ratio", "cache_target_full_ratio",
    "cache_min_flush_age", "cache_min_evict_age", "min_read_recency_for_promote", "min_write_recency_for_promote");

pub(super) const COMMANDS: &[Command] = &[
    Command {
        prefix: &["osd", "pool", "ls"],
        params: &[opt("detail", Kind::Choice(&["detail"]))],
        help: "list pools",
        run: ls,
    },
    Command {
        prefix: &["osd", "pool", "create"],
        params: &[
            req("pool", Kind::Str),
            opt("pg_num", Kind::Int),
            opt("pgp_num", Kind::Int),
            opt("pool_type", Kind::Choice(&["replicated", "erasure"])),
            opt("erasure_code_profile", Kind::Name),
            opt("rule", Kind::Str),
            opt("expected_num_objects", Kind::Int),
            opt("size", Kind::Int),
            opt("pg_num_min", Kind::Int),
            opt("pg_num_max", Kind::Int),
            opt("autoscale_mode", Kind::Choice(&["on", "off", "warn"])),
            flag("bulk"),
            opt("target_size_bytes", Kind::Int),
            opt("target_size_ratio", Kind::Float),
        ],
        help: "create pool",
        run: create,
    },
    Command { prefix: &["osd", "pool", "delete"], params: DELETE, help: "delete pool", run: delete },
    Command { prefix: &["osd", "pool", "rm"], params: DELETE, help: "remove pool", run: delete },
    Command {
        prefix: &["osd", "pool", "rename"],
        params: &[req("srcpool", Kind::Str), req("destpool", Kind::Str)],
        help: "rename <srcpool> to <destpool>",
        run: rename,
    },
    Command {
        prefix: &["osd", "pool", "get"],
        params: &[req("pool", Kind::Str), req("var", Kind::Choice(GET))],
        help: "get pool parameter <var>",
        run: get,
    },
    Command {
        prefix: &["osd", "pool", "set"],
        params: &[
            req("pool", Kind::Str),
            req("var", Kind::Choice(SET)),
            req("val", Kind::Str),
            flag("yes_i_really_mean_it"),
        ],
        help: "set pool parameter <var> to <val>",
        run: |ceph, now, args| {
            let sure = args.has("yes_i_really_mean_it");
            ceph.set_pool(args.word("pool"), args.word("var"), args.word("val"), sure, now).into()
        },
    },
    Command {
        prefix: &["osd", "pool", "autoscale-status"],
        params: &[],
        help: "report on pool pg_num sizing recommendation and intent",
        run: |ceph, _, _| Reply::json(ceph.autoscale_status().iter().map(|a| a.json()).collect()),
    },
    Command {
        prefix: &["osd", "pool", "application", "enable"],
        params: &[req("pool", Kind::Str), req("app", Kind::Name), flag("yes_i_really_mean_it")],
        help: "enable use of an application <app> [cephfs,rbd,rgw] on pool <poolname>",
        run: |ceph, now, args| {
            ceph.enable_application(args.word("pool"), args.word("app"), args.has("yes_i_really_mean_it"), now).into()
        },
    },
    Command {
        prefix: &["osd", "pool", "application", "disable"],
        params: &[req("pool", Kind::Str), req("app", Kind::Name), flag("yes_i_really_mean_it")],
        help: "disables use of an application <app> on pool <poolname>",
        run: |ceph, now, args| {
            ceph.disable_application(args.word("pool"), args.word("app"), args.has("yes_i_really_mean_it"), now).into()
        },
    },
    Command {
        prefix: &["osd", "pool", "application", "get"],
        params: &[opt("pool", Kind::Str), opt("app", Kind::Name), opt("key", Kind::Name)],
        help: "get value of key <key> of application <app> on pool <poolname>",
        run: applications,
    },
];

const DELETE: &[super::args::Param] = &[
    req("pool", Kind::Str),
    opt("pool2", Kind::Str),
    flag("yes_i_really_really_mean_it"),
    flag("yes_i_really_really_mean_it_not_faking"),
];

fn unknown(pool: &str) -> Reply {
    Refusal::new(Errno::NoEnt, format!("unrecognized pool '{pool}'")).into()
}

fn ls(ceph: &mut Ceph, _: Time, args: &Args) -> Reply {
    if args.has("detail") {
        return Reply::json(ceph.pools.values().map(|p| ceph.pool_json(p, "pool_id")).collect());
    }
    Reply::lines(args.json, ceph.pools.values().map(|p| p.name.clone()).collect())
}

fn create(ceph: &mut Ceph, now: Time, args: &Args) -> Reply {
    let name = args.word("pool");
    let erasure = args.get("pool_type") == Some("erasure");
    if ceph.pool_named(name).is_some_and(|pool| pool.chunks.is_some() != erasure) {
        let kind = args.get("pool_type").unwrap_or("replicated");
        return Refusal::new(Errno::Inval, format!("pool '{name}' cannot change to type {kind}")).into();
    }
    let mut options = BTreeMap::new();
    for option in ["pg_num_min", "pg_num_max", "target_size_bytes"] {
        if let Some(value) = args.number(option).filter(|v| *v != 0.0) {
            options.insert(option.to_string(), PoolOption::Int(value as i64));
        }
    }
    if let Some(ratio) = args.number("target_size_ratio").filter(|v| *v != 0.0) {
        // The monitor keeps it in single precision on this path.
        options.insert("target_size_ratio".into(), PoolOption::Float(f64::from(ratio as f32)));
    }
    let count = |name: &str| args.number(name).map(|n| n as u32);
    let new = NewPool {
        pg_num: count("pg_num"),
        pgp_num: count("pgp_num"),
        // Where an erasure code profile would stand, a replicated pool has its rule; what stands
        // in the rule's place then is the expected number of objects.
        rule: args.get("erasure_code_profile").filter(|_| !erasure).or(args.get("rule")).map(str::to_string),
        profile: erasure.then(|| args.get("erasure_code_profile").unwrap_or(DEFAULT_PROFILE).to_owned()),
        size: count("size"),
        autoscale: args.get("autoscale_mode").and_then(Autoscale::parse),
        options,
        bulk: args.has("bulk"),
    };
    match ceph.create_pool(name, new, now) {
        Ok(Some(_)) => Reply::note(format!("pool '{name}' created")),
        Ok(None) => Reply::note(format!("pool '{name}' already exists")),
        Err(refusal) => refusal.into(),
    }
}

fn delete(ceph: &mut Ceph, now: Time, args: &Args) -> Reply {
    let name = args.word("pool");
    if ceph.pool_named(name).is_none() {
        return Reply::note(format!("pool '{name}' does not exist"));
    }
    let sure = args.has("yes_i_really_really_mean_it") || args.has("yes_i_really_really_mean_it_not_faking");
    if args.get("pool2") != Some(name) || !sure {
        let text = format!(
            "WARNING: this will *PERMANENTLY DESTROY* all data stored in pool {name}.  If you are *ABSOLUTELY CERTAIN* that is what you want, pass the pool name *twice*, followed by --yes-i-really-really-mean-it."
        );
        return Refusal::new(Errno::Perm, text).into();
    }
    match ceph.delete_pool(name, now) {
        Ok(_) => Reply::note(format!("pool '{name}' removed")),
        Err(refusal) => refusal.into(),
    }
}

fn rename(ceph: &mut Ceph, _: Time, args: &Args) -> Reply {
    let (from, to) = (args.word("srcpool"), args.word("destpool"));
    let id = ceph.pool_named(from).map(|p| p.id);
    match (id, ceph.pool_named(to).is_some()) {
        (None, true) => {
            Reply::note(format!("pool '{from}' does not exist; pool '{to}' does -- assuming successful rename"))
        }
        (None, false) => unknown(from),
        (Some(_), true) => Refusal::new(Errno::Exist, format!("pool '{to}' already exists")).into(),
        (Some(id), false) => {
            if let Some(pool) = ceph.pools.get_mut(&id) {
                pool.name = to.into();
            }
            ceph.changed();
            Reply::note(format!("pool '{from}' renamed to '{to}'"))
        }
    }
}

/// A setting's value, `None` if it is not set (or not of replicated pools).
fn setting(ceph: &Ceph, pool: &Pool, var: &str) -> Option<Value> {
    Some(match var {
        "size" => json!(pool.size),
        "min_size" => json!(pool.min_size),
        "pg_num" => json!(pool.pg_num),
        "pgp_num" => json!(pool.pgp_num),
        "crush_rule" => json!(ceph.crush.rule(pool.crush_rule).map(|r| r.name.clone())),
        "use_gmt_hitset" => json!(pool.use_gmt_hitset),
        "fast_read" => json!(u8::from(pool.fast_read)),
        "pg_autoscale_mode" => json!(pool.autoscale.word()),
        "bulk" => json!(pool.bulk),
        "erasure_code_profile" => json!(pool.profile()?),
        EC_OVERWRITES if pool.chunks.is_some() => json!(pool.flag(var)),
        flag if POOL_FLAGS.contains(&flag) => json!(pool.flag(flag)),
        option => pool.options.get(option)?.json(),
    })
}

fn get(ceph: &mut Ceph, _: Time, args: &Args) -> Reply {
    let (name, var) = (args.word("pool"), args.word("var"));
    let Some(pool) = ceph.pool_named(name) else { return unknown(name) };
    let values = if var == "all" {
        pool_settings(ceph, pool)
    } else {
        match setting(ceph, pool, var) {
            Some(value) => vec![(var.to_string(), value)],
            None => return Refusal::new(Errno::NoEnt, format!("option '{var}' is not set on pool '{name}'")).into(),
        }
    };
    if args.json {
        let mut out = json!({"pool": name, "pool_id": pool.id});
        for (key, value) in values {
            out[key] = value;
        }
        return Reply::json(out);
    }
    let plain = |key: &str, value: &Value| match value {
        Value::String(s) => s.clone(),
        Value::Bool(b) if key == "use_gmt_hitset" => u8::from(*b).to_string(),
        other => other.to_string(),
    };
    Reply::text(values.iter().map(|(k, v)| format!("{k}: {}\n", plain(k, v))).collect::<String>())
}

/// Everything `osd pool get POOL all` shows, in its order.
fn pool_settings(ceph: &Ceph, pool: &Pool) -> Vec<(String, Value)> {
    let mut names = vec!["size", "min_size", "pg_num", "pgp_num", "crush_rule"];
    names.extend(POOL_FLAGS.iter().take(1));
    names.push(EC_OVERWRITES);
    names.extend(POOL_FLAGS.iter().skip(1));
    names.extend(["use_gmt_hitset", "erasure_code_profile", "fast_read", "pg_autoscale_mode"]);
    names.extend(pool.options.keys().map(String::as_str));
    names.push("bulk");
    names.into_iter().filter_map(|n| Some((n.to_string(), setting(ceph, pool, n)?))).collect()
}

fn applications(ceph: &mut Ceph, _: Time, args: &Args) -> Reply {
    let Some(name) = args.get("pool") else {
        let all: BTreeMap<&str, Value> =
            ceph.pools.values().map(|p| (p.name.as_str(), p.applications_json())).collect();
        return Reply::json(json!(all));
    };
    let Some(pool) = ceph.pool_named(name) else { return unknown(name) };
    let Some(app) = args.get("app") else { return Reply::json(pool.applications_json()) };
    match pool.applications.get(app) {
        None => Refusal::new(Errno::NoEnt, format!("pool '{name}' has no application '{app}'")).into(),
        Some(keys) => Reply::json(json!(keys)),
    }
}
