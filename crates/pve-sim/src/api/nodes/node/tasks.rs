//! `/nodes/{node}/tasks`: lists, status, log, stop.

use serde_json::{Value, json};

use crate::kernel::tasks::{Task, Upid};
use crate::kernel::{Call, PveError, Routes};

pub(crate) fn routes(r: &mut Routes) {
    r.get("/nodes/{node}/tasks", list);
    r.get("/nodes/{node}/tasks/{upid}", index);
    r.get("/nodes/{node}/tasks/{upid}/status", status);
    r.get("/nodes/{node}/tasks/{upid}/log", log);
    r.delete("/nodes/{node}/tasks/{upid}", stop);
}

/// A task as lists show it; `status` and `endtime` only when it has ended.
pub(crate) fn entry(task: &Task) -> Value {
    let mut entry = fields(&task.upid);
    if let Some((end, status)) = &task.end {
        entry["endtime"] = json!(end.unix());
        entry["status"] = json!(status);
    }
    entry
}

fn fields(upid: &Upid) -> Value {
    let (user, token) = upid.user_and_token();
    let Upid { node, pid, pstart, starttime, kind, id, .. } = upid;
    let mut entry = json!({
        "upid": upid.to_string(), "node": node, "pid": pid, "pstart": pstart, "starttime": starttime,
        "type": kind, "id": id, "user": user,
    });
    if let Some(token) = token {
        entry["tokenid"] = json!(token);
    }
    entry
}

fn list(call: &mut Call<'_>) -> Result<Value, PveError> {
    let params = &call.params;
    let sees_all = call.may(&format!("/nodes/{}", call.node), &["Sys.Audit"]);
    let source = params.text("source").unwrap_or("archive");
    let statuses = params.list("statusfilter");
    let number = |name: &str| params.int(name).and_then(|n| u64::try_from(n).ok());
    let wanted = |task: &&Task| {
        let running = task.end.is_none();
        let source_ok = match source {
            "active" => running,
            "all" => true,
            _ => !running,
        };
        let status = status_type(task);
        source_ok
            && task.upid.node == call.node
            && (sees_all || call.user.owns(&task.upid.user))
            && params.text("userfilter").is_none_or(|part| task.upid.user.contains(part))
            && params.text("typefilter").is_none_or(|kind| task.upid.kind == kind)
            && params.text("vmid").is_none_or(|vmid| task.upid.id == vmid)
            && !(params.flag("errors") == Some(true) && status == "ok")
            && (statuses.is_empty() || statuses.iter().any(|wanted| wanted == status))
            && number("since").is_none_or(|since| task.upid.starttime >= since)
            && number("until").is_none_or(|until| task.upid.starttime <= until)
    };
    let found: Vec<&Task> = call.cluster.tasks.iter().rev().filter(wanted).collect();
    let (start, limit) = (number("start").unwrap_or(0), number("limit").unwrap_or(50));
    let page = found.iter().skip(usize::try_from(start).unwrap_or(usize::MAX));
    let show = |task: &&Task| {
        let mut item = entry(task);
        if task.end.is_none() {
            item["status"] = json!("RUNNING");
            item["saved"] = json!("0");
        }
        item
    };
    let list: Value = page.take(usize::try_from(limit).unwrap_or(usize::MAX)).map(show).collect();
    call.total = Some(found.len());
    Ok(list)
}

fn status_type(task: &Task) -> &'static str {
    match &task.end {
        None => "unknown",
        Some((_, status)) if status == "OK" => "ok",
        Some((_, status)) if status.starts_with("WARNINGS: ") => "warning",
        Some((_, status)) if status == "unexpected status" => "unknown",
        Some(_) => "error",
    }
}

fn index(_: &mut Call<'_>) -> Result<Value, PveError> {
    Ok(json!([{ "name": "log" }, { "name": "status" }]))
}

/// The task of the call, which lives on the node of the path.
fn find<'a>(call: &'a Call<'_>) -> Result<&'a Task, PveError> {
    let text = call.params.need("upid");
    let upid = Upid::parse(text).ok_or_else(|| PveError::param("upid", "unable to parse worker upid"))?;
    let task = call.cluster.tasks.find(&upid).filter(|task| task.upid.node == call.node);
    task.ok_or_else(|| PveError::param("upid", "no such task"))
}

/// Owners may always; others need a privilege on the node.
fn may(call: &Call<'_>, owner: &str, privilege: &str) -> Result<(), PveError> {
    if call.user.owns(owner) { Ok(()) } else { call.demand(&format!("/nodes/{}", call.node), &[privilege]) }
}

fn status(call: &mut Call<'_>) -> Result<Value, PveError> {
    let task = find(call)?;
    may(call, &task.upid.user, "Sys.Audit")?;
    let mut status = fields(&task.upid);
    match &task.end {
        None => status["status"] = json!("running"),
        Some((_, exit)) => {
            status["status"] = json!("stopped");
            status["exitstatus"] = json!(exit);
        }
    }
    Ok(status)
}

fn log(call: &mut Call<'_>) -> Result<Value, PveError> {
    let task = find(call)?;
    may(call, &task.upid.user, "Sys.Audit")?;
    let number = |name: &str| call.params.int(name).and_then(|n| usize::try_from(n).ok());
    let start = number("start").unwrap_or(0);
    let limit = match number("limit") {
        None => 50,
        Some(0) => usize::MAX,
        Some(limit) => limit,
    };
    let line = |(n, text): (usize, &String)| json!({ "n": n + 1, "t": text });
    let mut lines: Vec<Value> = task.log.iter().enumerate().skip(start).take(limit).map(line).collect();
    let total = task.log.len();
    if total == 0 {
        lines.push(json!({ "n": 1, "t": "no content" }));
    }
    call.total = Some(total.max(1));
    Ok(lines.into())
}

fn stop(call: &mut Call<'_>) -> Result<Value, PveError> {
    let upid = find(call)?.upid.clone();
    may(call, &upid.user, "Sys.Modify")?;
    call.cluster.stop_task(&upid);
    Ok(Value::Null)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use crate::bed::Bed;
    use crate::kernel::tasks::Steps;
    use crate::shape::Shape;

    /// Three tasks of pve1 that end well, with a warning and with an error, and one that runs on.
    fn bed() -> Bed {
        let bed = Bed::new(Shape::default());
        bed.world.with(|c| {
            c.start_task("pve1", "root@pam", "qmstart", "100", Steps::new());
            c.start_task(
                "pve1",
                "a@pve!tok",
                "qmstop",
                "100",
                Steps::new().run(|t| {
                    t.warn("slow");
                    Ok(())
                }),
            );
            c.start_task("pve1", "root@pam", "qmstart", "101", Steps::new().run(|_| Err("no such disk".into())));
            c.start_task("pve1", "root@pam", "qmmove", "100", Steps::new().wait(Duration::from_secs(600)));
            c.start_task("pve2", "root@pam", "qmstart", "102", Steps::new());
        });
        bed.pass(2);
        bed
    }

    #[tokio::test]
    async fn lists_are_filtered() {
        let bed = bed();
        for (params, want) in [
            (vec![], vec!["no such disk", "WARNINGS: 1", "OK"]),
            (vec![("source", "all")], vec!["RUNNING", "no such disk", "WARNINGS: 1", "OK"]),
            (vec![("source", "active")], vec!["RUNNING"]),
            (vec![("errors", "1")], vec!["no such disk", "WARNINGS: 1"]),
            (vec![("statusfilter", "ok,warning")], vec!["WARNINGS: 1", "OK"]),
            (vec![("typefilter", "qmstart")], vec!["no such disk", "OK"]),
            (vec![("vmid", "100"), ("limit", "1")], vec!["WARNINGS: 1"]),
            (vec![("userfilter", "a@pve")], vec!["WARNINGS: 1"]),
            (vec![("start", "2")], vec!["OK"]),
            (vec![("until", "1000")], vec![]),
        ] {
            let list = bed.ok("GET", "/nodes/pve1/tasks", &params).await;
            let statuses: Vec<_> = list.as_array().unwrap().iter().map(|t| t["status"].as_str().unwrap()).collect();
            assert_eq!(statuses, want, "{params:?}");
        }
    }

    #[tokio::test]
    async fn a_vanished_task_has_no_last_line() {
        let bed = bed();
        let upid = bed.ok("GET", "/nodes/pve1/tasks", &[("source", "active")]).await[0]["upid"].clone();
        bed.world.with(|c| {
            c.set_power("pve1", false);
            c.set_power("pve1", true);
        });
        assert_eq!(bed.task(&upid), "unexpected status");
        assert!(bed.log(&upid).is_empty());
        let log = bed.ok("GET", &format!("/nodes/pve1/tasks/{}/log", upid.as_str().unwrap()), &[]).await;
        assert_eq!(log, json!([{ "n": 1, "t": "no content" }]));
    }
}
