//! `/cluster/backup`: when guests are backed up. Nothing runs these jobs. Recording 53.

use serde_json::{Map, Value, json};

use super::jobs::tell_next_runs;
use super::{PLAIN, Row};
use crate::cluster::sections::Entry;
use crate::kernel::params::{formats, property};
use crate::kernel::{Call, PveError, schema};

pub(super) static ROWS: &[Row] = &[Row {
    path: "/cluster/backup",
    file: "jobs.cfg",
    names_itself: true,
    exists: |name| PveError::new(format!("Job '{name}' already exists")),
    missing: |verb, name| match verb {
        "GET" => PveError::param("id", format!("No such job '{name}'")),
        "PUT" => PveError::new("no such vzdump job"),
        _ => PveError::new(format!("400 Parameter verification failed.\nid: No such job '{name}'\n")),
    },
    asked,
    deletable,
    stored,
    lists: |call| {
        let mut answer = super::list(call)?;
        tell_next_runs(call, &mut answer);
        Ok(answer)
    },
    shows: |_, _, _, answer, _| {
        answer.insert("type".to_owned(), json!("vzdump"));
        for (name, format) in
            [("fleecing", "backup-fleecing"), ("performance", "backup-performance"), ("prune-backups", "prune-backups")]
        {
            if let Some(text) = answer.get(name).and_then(Value::as_str) {
                answer.insert(name.to_owned(), object(format, text));
            }
        }
    },
    ..PLAIN
}];

/// Settings of the job itself, which a job cannot do without or which stand for others.
const OF_THE_JOB: [&str; 5] = ["dow", "enabled", "id", "schedule", "starttime"];

fn deletable(name: &str) -> Result<(), PveError> {
    let known = schema::method("POST", "/cluster/backup").is_some_and(|method| method.parameters.contains_key(name));
    match known && !OF_THE_JOB.contains(&name) {
        true => Ok(()),
        false => Err(refused(format!("delete: unknown option '{name}'"))),
    }
}

/// A refusal of a parameter that has become a text on its way.
fn refused(what: impl AsRef<str>) -> PveError {
    PveError::new(format!("400 Parameter verification failed.\n{}\n", what.as_ref()))
}

/// A property string as answers have it.
fn object(format: &str, text: &str) -> Value {
    let keys = formats::named_properties(format);
    let values = keys.and_then(|keys| property::parse("", keys, text).ok()).unwrap_or_default();
    // As recorded: what is kept stays a text, what was checked as a number is one.
    let typed = |value: &String| match format {
        "prune-backups" => json!(value),
        _ => value.parse::<i64>().map_or_else(|_| json!(value), |number| json!(number)),
    };
    values.iter().map(|(key, value)| (key.clone(), typed(value))).collect::<Map<_, _>>().into()
}

fn asked(call: &Call<'_>) -> Result<(), PveError> {
    let params = &call.params;
    let is_change = call.path.ends_with('}');
    if !is_change && params.text("schedule").is_none() && params.text("starttime").is_none() {
        return Err(PveError::param("schedule", "neither 'starttime' nor 'schedule' were set"));
    }
    if is_change && params.iter().all(|(name, _)| name == "id") {
        return Err(PveError::new("no options specified"));
    }
    let Some(pool) = params.text("pool") else { return Ok(()) };
    match call.cluster.pools.all.contains_key(pool) {
        true => Ok(()),
        false => Err(PveError::permission(&format!("pool '{pool}' does not exist"))),
    }
}

/// What is chosen last wins: all guests, some, or those of a pool.
fn stored(call: &Call<'_>, before: Option<&Entry>, entry: &mut Entry) -> Result<(), PveError> {
    if let Some(Value::String(time)) = entry.remove("starttime") {
        let days = match entry.remove("dow") {
            Some(Value::String(days)) => format!("{days} "),
            _ => String::new(),
        };
        entry.insert("schedule".to_owned(), json!(format!("{days}{time}")));
    }
    entry.entry("enabled".to_owned()).or_insert(json!(1));
    let said = |name: &str| call.params.text(name).is_some_and(|text| text != "0");
    if before.is_some() {
        // Belief: PVE/API2/Backup.pm; recorded for `all`.
        let gone: &[&str] = match (said("vmid"), said("all"), said("pool")) {
            (true, ..) => &["all", "exclude", "pool"],
            (_, true, _) => &["vmid", "pool"],
            (_, _, true) => &["all", "exclude", "vmid"],
            _ => &[],
        };
        entry.retain(|name, _| !gone.contains(&name.as_str()));
    }
    if entry.contains_key("exclude") && !entry.contains_key("pool") {
        entry.insert("all".to_owned(), json!(1));
    }
    let is = |name: &str| entry.get(name).is_some_and(|value| *value != json!(0));
    if let Some(other) = ["all", "pool"].into_iter().find(|other| is(other) && is("vmid")) {
        return Err(refused(format!("{other}: option conflicts with option 'vmid'")));
    }
    if is("all") && is("pool") {
        return Err(refused("all: option conflicts with option 'pool'"));
    }
    if !["all", "pool", "vmid", "stop"].into_iter().any(is) {
        return Err(refused("vmid: property is missing"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::bed::Bed;
    use crate::shape::Shape;

    const ALL: &str = "/cluster/backup";
    const ONE: &str = "/cluster/backup/b1";

    #[tokio::test]
    async fn what_is_chosen_last_wins() {
        let bed = Bed::new(Shape::default());
        bed.ok("POST", "/pools", &[("poolid", "team")]).await;
        bed.ok("POST", ALL, &[("id", "b1"), ("schedule", "daily"), ("exclude", "100")]).await;
        let job = async |field: &str| bed.ok("GET", ONE, &[]).await[field].clone();
        assert_eq!((job("all").await, job("exclude").await), (json!(1), json!("100")));
        bed.ok("PUT", ONE, &[("pool", "team")]).await;
        assert_eq!(
            (job("all").await, job("exclude").await, job("pool").await),
            (json!(null), json!(null), json!("team"))
        );
        bed.ok("PUT", ONE, &[("vmid", "100,101")]).await;
        assert_eq!((job("pool").await, job("vmid").await), (json!(null), json!("100,101")));
        let nothing = bed.refusal("PUT", ONE, &[("delete", "vmid")]).await;
        assert_eq!(nothing.0, 500);
        let kept =
            [("prune-backups", "keep-last=3"), ("performance", "max-workers=4"), ("fleecing", "1,storage=local")];
        bed.ok("PUT", ONE, &kept).await;
        assert_eq!(job("prune-backups").await, json!({"keep-last": "3"}));
        assert_eq!(job("performance").await, json!({"max-workers": 4}));
        assert_eq!(job("fleecing").await, json!({"enabled": 1, "storage": "local"}));
    }
}
