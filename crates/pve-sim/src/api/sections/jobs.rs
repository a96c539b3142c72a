//! `/cluster/jobs`: when things happen, and when users and groups are taken over from directory servers. Nothing runs these jobs.
//! Recording 53.

use serde_json::{Value, json};

use super::{PLAIN, Row};
use crate::cluster::sections::Entry;
use crate::kernel::calendar::Calendar;
use crate::kernel::clock::Time;
use crate::kernel::{Call, PveError, Routes};

pub(super) static ROWS: &[Row] = &[Row {
    path: "/cluster/jobs/realm-sync",
    file: "jobs.cfg",
    shown: Some(&["comment", "enable-new", "enabled", "realm", "remove-vanished", "schedule", "scope"]),
    exists: |name| PveError::new(format!("Job '{name}' already exists")),
    missing: |verb, name| match verb {
        "GET" => PveError::param("id", format!("No such job '{name}'")),
        "PUT" => PveError::new("no such realm-sync job"),
        _ => PveError::new(format!("400 Parameter verification failed.\nid: No such job '{name}'\n")),
    },
    deletable: |name| match name {
        "comment" | "enable-new" | "enabled" | "remove-vanished" => Ok(()),
        // Belief: PVE/SectionConfig.pm: the option is required and cannot be taken away.
        "schedule" | "scope" | "realm" => Err(PveError::new(format!("unable to delete required option '{name}'"))),
        _ => Err(PveError::new(format!("no such option '{name}'"))),
    },
    stored,
    lists: |call| {
        let mut answer = super::list(call)?;
        tell_next_runs(call, &mut answer);
        Ok(answer)
    },
    shows: |_, _, entry, answer, alone| {
        answer.insert("type".to_owned(), json!("realm-sync"));
        answer.insert("enabled".to_owned(), entry.get("enabled").cloned().unwrap_or(json!(1)));
        if !alone {
            answer.insert("last-run".to_owned(), Value::Null);
        }
    },
    ..PLAIN
}];

pub(super) fn routes(r: &mut Routes) {
    r.get("/cluster/jobs", |_| Ok(json!([{ "subdir": "schedule-analyze" }, { "subdir": "realm-sync" }])));
    r.get("/cluster/jobs/schedule-analyze", analyse);
}

/// The next times of a calendar event.
fn analyse(call: &mut Call<'_>) -> Result<Value, PveError> {
    let now = i64::try_from(call.now().unix()).unwrap_or_default();
    let begin = call.params.int("starttime").unwrap_or(now);
    let count = call.params.int("iterations").and_then(|count| usize::try_from(count).ok()).unwrap_or(10);
    // The check of the parameters has read it once.
    let event = call.params.text("schedule").and_then(Calendar::parse);
    let times = std::iter::successors(Some(begin), |last| event.as_ref()?.next_after(*last)).skip(1).take(count);
    let told = |time: i64| {
        let utc = Time::from_unix(u64::try_from(time).unwrap_or_default()).format("%a %b %e %H:%M:%S %Y");
        json!({ "timestamp": time, "utc": utc })
    };
    Ok(times.map(told).collect())
}

/// Adds to each job of a list when it runs next.
pub(super) fn tell_next_runs(call: &Call<'_>, jobs: &mut Value) {
    let now = i64::try_from(call.now().unix()).unwrap_or_default();
    for shown in jobs.as_array_mut().into_iter().flatten() {
        let event = shown["schedule"].as_str().and_then(Calendar::parse);
        if let Some(next) = event.and_then(|event| event.next_after(now)) {
            shown["next-run"] = json!(next);
        }
    }
}

/// What to sync has to be said, or to be the realm's default. Whether there is such a realm is not looked at.
fn stored(call: &Call<'_>, _: Option<&Entry>, entry: &mut Entry) -> Result<(), PveError> {
    let realm = entry.get("realm").and_then(Value::as_str).and_then(|realm| call.cluster.access.realms.get(realm));
    let defaults = realm.and_then(|realm| realm.get("sync-defaults-options")?.as_str()).unwrap_or_default();
    if entry.contains_key("scope") || defaults.contains("scope=") {
        return Ok(());
    }
    Err(PveError::new("missing value for required option 'scope'"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::bed::Bed;
    use crate::shape::Shape;

    const JOB: &str = "/cluster/jobs/realm-sync/j1";

    #[tokio::test]
    async fn a_job_lives_as_it_was_recorded() {
        let bed = Bed::new(Shape::default());
        let refusal = bed.refusal("POST", JOB, &[("schedule", "daily"), ("realm", "nope")]).await;
        assert_eq!(refusal, (500, "missing value for required option 'scope'".into()));
        let bad = bed.send(bed.ticket("root@pam"), "POST", JOB, &[("schedule", "bogus"), ("realm", "ldj")]).await;
        assert!(
            bad.body.contains(r#"invalid calendar event 'bogus' - unable to parse calendar event at 'bogus'"#),
            "{}",
            bad.body
        );
        let whole = [("scope", "both"), ("remove-vanished", "acl;entry"), ("enable-new", "1"), ("comment", "c")];
        let params: Vec<_> = [("schedule", "daily"), ("realm", "ldj")].into_iter().chain(whole).collect();
        bed.ok("POST", JOB, &params).await;
        assert_eq!(bed.refusal("POST", JOB, &params).await, (500, "Job 'j1' already exists".into()));
        bed.ok("PUT", JOB, &[("schedule", "hourly"), ("enabled", "0"), ("delete", "comment")]).await;
        let job = json!({
            "scope": "both", "enable-new": 1, "realm": "ldj", "enabled": 0, "type": "realm-sync", "schedule": "hourly",
            "remove-vanished": "acl;entry",
        });
        assert_eq!(bed.ok("GET", JOB, &[]).await, job);
        assert_eq!(bed.ok("GET", "/cluster/jobs/realm-sync", &[]).await[0]["id"], "j1");
        let refusal = bed.refusal("PUT", JOB, &[("schedule", "hourly"), ("delete", "nonsense")]).await;
        assert_eq!(refusal, (500, "no such option 'nonsense'".into()));
        bed.ok("DELETE", JOB, &[]).await;
        assert_eq!(bed.refusal("DELETE", JOB, &[]).await.0, 500);
        assert_eq!(bed.refusal("PUT", JOB, &[("schedule", "daily")]).await, (500, "no such realm-sync job".into()));
    }
}
