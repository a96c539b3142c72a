//! `pvesh` of a simulated node: the same way as a request to its API, as root@pam, to the end of the task that it begins.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::kill::Ends;
use super::pipeline::{self, Body, Outcome, Request};
use super::tasks::Upid;
use super::world::World;
use crate::cluster::access::ROOT;
use crate::shell::Said;

/// The arguments of `pvesh` in a script that runs it with its own.
pub(super) fn arguments(words: &[String]) -> Option<&[String]> {
    let [shell, dash_c, script, _, arguments @ ..] = words else { return None };
    (shell == "sh" && dash_c == "-c" && script.contains("pvesh \"$@\"")).then_some(arguments)
}

/// Runs it; none if nobody hears how it ended.
pub(super) async fn run(world: &World, node: &str, ends: Ends, arguments: &[String]) -> Option<Said> {
    let usage = |why: &str| Some(Said { status: 255, stdout: Vec::new(), stderr: format!("{why}\n").into_bytes() });
    let [verb, path, params @ ..] = arguments else { return usage("ERROR: no command specified") };
    let method = match verb.as_str() {
        "create" => "POST",
        "set" => "PUT",
        "delete" => "DELETE",
        "get" => "GET",
        other => return usage(&format!("ERROR: unknown command 'pvesh {other}'")),
    };
    let pair = |param: &String| {
        let (name, value) = param.strip_prefix("--")?.split_once('=')?;
        Some(format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)))
    };
    let text = params.iter().filter_map(pair).collect::<Vec<_>>().join("&");
    let (query, form) =
        if method == "GET" || method == "DELETE" { (text, String::new()) } else { (String::new(), text) };
    let (ticket, csrf) =
        world.with(|c| c.at(node, |c| (c.access.issue_ticket(ROOT, c.now), c.access.issue_csrf(ROOT, c.now))));
    let mut headers = HeaderMap::new();
    headers.insert("cookie", HeaderValue::from_str(&format!("PVEAuthCookie={ticket}")).ok()?);
    headers.insert("csrfpreventiontoken", HeaderValue::from_str(&csrf).ok()?);
    let request = Request {
        ends,
        method: method.to_owned(),
        path: path.clone(),
        query,
        extjs: false,
        headers,
        body: Body::Form(form),
    };
    let reply = match pipeline::answer(world, node, request).await {
        Outcome::Reply(reply) | Outcome::LastReply(reply) => reply,
        Outcome::Upgrade(_) | Outcome::Drop => return None,
    };
    let body: Value = serde_json::from_str(&reply.body).unwrap_or_default();
    if reply.status >= 300 {
        let message = body["message"].as_str().or(reply.reason.as_deref()).unwrap_or_default().trim_end();
        let message = if reply.status == 500 { message.to_owned() } else { format!("{} {message}", reply.status) };
        let errors = body["errors"].as_object().into_iter().flatten();
        let errors = errors.map(|(name, text)| format!("\n{name}: {}", text.as_str().unwrap_or_default().trim_end()));
        return usage(&format!("{message}{}", errors.collect::<String>()));
    }
    let answer = format!("{}\n", body["data"]);
    let (mut log, mut status) = (String::new(), 0);
    if let Some(upid) = body["data"].as_str().and_then(Upid::parse) {
        loop {
            let task = world.with(|c| c.tasks.find(&upid).map(|task| (task.log.clone(), task.end.clone())));
            let (lines, end) = task?;
            if let Some((_, end)) = end {
                log = lines.iter().map(|line| format!("{line}\n")).collect();
                if !(end == "OK" || end.starts_with("WARNINGS")) {
                    status = 255;
                    log = format!("{log}{end}\n");
                }
                break;
            }
            let soon = world.with(|c| c.now) + Duration::from_secs(1);
            world.sleep_until(soon).await;
        }
    }
    Some(Said { status, stdout: answer.into_bytes(), stderr: log.into_bytes() })
}
