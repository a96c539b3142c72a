use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::*;

/// What `work` logs at a level, a line each.
fn logged(level: LevelFilter, form: Form, work: impl FnOnce()) -> Vec<String> {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let write = {
        let lines = lines.clone();
        move |line: &str| lines.lock().unwrap().push(line.to_owned())
    };
    let subscriber = tracing_subscriber::registry().with(Lines { level, form, write });
    tracing::subscriber::with_default(subscriber, work);
    std::mem::take(&mut *lines.lock().unwrap())
}

fn json(line: &str) -> Value {
    assert_eq!(line.matches('\n').count(), 1);
    serde_json::from_str(line.strip_suffix('\n').unwrap()).unwrap()
}

#[test]
fn a_line_has_the_form_that_hclog_reads() {
    let lines = logged(LevelFilter::TRACE, Form::Json, || {
        tracing::info!(target: "acme::disk", percent = 45_u64, rate = 4.9, done = false, unit = "GiB", "still\nmoving");
    });
    let line = json(&lines[0]);
    assert_eq!(line["@level"], "info");
    assert_eq!(line["@message"], "still\nmoving");
    assert_eq!(line["@module"], "acme.disk");
    assert_eq!((&line["percent"], &line["rate"]), (&Value::from(45), &Value::from(4.9)));
    assert_eq!((&line["done"], &line["unit"]), (&Value::from(false), &Value::from("GiB")));
    let timestamp = line["@timestamp"].as_str().unwrap();
    let form = regex::Regex::new(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$").unwrap();
    assert!(form.is_match(timestamp), "{timestamp}");
}

#[test]
fn six_digits_even_when_they_are_zeros() {
    let at = "2026-01-01T00:00:00Z".parse().unwrap();
    let line = Form::Json.line(at, tracing::Level::WARN, "x", Fields::default());
    assert_eq!(json(&line)["@timestamp"], "2026-01-01T00:00:00.000000Z");
}

#[test]
fn hclogs_own_names_stay_texts() {
    let lines = logged(LevelFilter::TRACE, Form::Json, || {
        tracing::info!("@message" = 1, "@level" = true, "@timestamp" = 2.0, "kept");
        tracing::info!(message = 7);
        tracing::info!(only = "fields");
    });
    for line in &lines {
        let line = json(line);
        for name in ["@message", "@level", "@timestamp"] {
            assert!(line[name].is_string(), "{line}");
        }
    }
    assert_eq!(json(&lines[0])["@message"], "kept");
    assert_eq!(json(&lines[1])["@message"], "7");
}

#[test]
fn spans_add_their_fields() {
    let lines = logged(LevelFilter::TRACE, Form::Json, || {
        let span = tracing::info_span!("rpc", tf_rpc = "ApplyResourceChange", key = tracing::field::Empty);
        span.record("key", "vm");
        let _inside = span.enter();
        tracing::info!(percent = 1, "moving");
    });
    let line = json(&lines[0]);
    assert_eq!((&line["tf_rpc"], &line["key"]), (&Value::from("ApplyResourceChange"), &Value::from("vm")));
    assert_eq!(line["percent"], 1);
}

#[test]
fn long_values_do_not_make_lines_that_are_cut_in_pieces() {
    let long = "ü".repeat(100_000);
    let lines = logged(LevelFilter::TRACE, Form::Json, || {
        tracing::info!(a = %long, b = %long, c = %long, d = %long, e = %long, f = %long, g = %long, "{long}");
    });
    assert!(lines[0].len() < 64 << 10, "{}", lines[0].len());
    assert!(json(&lines[0])["a"].as_str().unwrap().ends_with("(200000 bytes)"));
}

#[test]
fn levels_are_terraforms() {
    assert_eq!(level(None), LevelFilter::OFF);
    assert_eq!(level(Some("off")), LevelFilter::OFF);
    assert_eq!(level(Some("warn")), LevelFilter::WARN);
    assert_eq!(level(Some("JSON")), LevelFilter::TRACE);
    assert_eq!(level(Some("loud")), LevelFilter::TRACE);
    let lines = logged(LevelFilter::INFO, Form::Json, || {
        tracing::debug!("not asked for");
        tracing::info!("asked for");
        tracing::info!(target: "h2::frame", "transport");
        tracing::error!(target: "h2::frame", "broken transport");
    });
    assert_eq!(lines.len(), 2, "{lines:?}");
}

#[test]
fn text_for_people() {
    let lines = logged(LevelFilter::INFO, Form::Text, || tracing::info!(target: "acme", percent = 45, "moving"));
    assert!(lines[0].ends_with("Z [INFO] acme: moving percent=45\n"), "{}", lines[0]);
}
