//! `/cluster/notifications`: where notifications go (endpoints), and which (matchers). Recording 21.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{PLAIN, Removal, Row, rows};
use crate::cluster::sections::Entry;
use crate::kernel::{Call, PveError, Routes};

const ENDPOINTS: &str = "/cluster/notifications/endpoints/";
const MATCHERS: &str = "/cluster/notifications/matchers";

const ENTITY: Row = Row {
    file: "notifications.cfg",
    digest: Some(|contents| hex::encode(Sha256::digest(contents))),
    modified: 400,
    exists: |name| {
        PveError::status(400, format!("Cannot create '{name}', an entity with the same name already exists"))
    },
    shows: |row, name, entry, answer, _| drop(answer.insert("origin".to_owned(), json!(origin(row, name, entry)))),
    ..PLAIN
};

const ENDPOINT: Row = Row {
    missing: |_, name| PveError::status(404, format!("endpoint '{name}' not found")),
    removed: |call, name| match users(call, name) {
        users if users.is_empty() => Ok(Removal::Gone),
        users => Err(PveError::status(400, format!("cannot delete '{name}', referenced by: {}", users.join(", ")))),
    },
    ..ENTITY
};

pub(super) static ROWS: &[Row] = &[
    Row {
        path: "/cluster/notifications/endpoints/gotify",
        secret: &["token"],
        deletable: |name| variant(name, &["comment", "disable"]),
        ..ENDPOINT
    },
    Row {
        path: "/cluster/notifications/endpoints/sendmail",
        builtin: r#"{"mail-to-root": {"comment": "Send mails to root@pam's email address", "mailto-user": ["root@pam"]}}"#,
        // Belief: proxmox-notify, the order of the words.
        deletable: |name| variant(name, &["author", "comment", "disable", "from-address", "mailto", "mailto-user"]),
        stored: recipient,
        ..ENDPOINT
    },
    Row {
        path: "/cluster/notifications/endpoints/smtp",
        secret: &["password"],
        // Belief: as above.
        deletable: |name| {
            let words = ["author", "comment", "disable", "mailto", "mailto-user", "password", "port", "username"];
            variant(name, &words)
        },
        stored: recipient,
        ..ENDPOINT
    },
    Row {
        path: "/cluster/notifications/endpoints/webhook",
        secret: &["secret"],
        // Belief: as above.
        deletable: |name| variant(name, &["comment", "disable", "header", "body", "secret"]),
        stored: webhook,
        shows: |row, name, entry, answer, alone| {
            (ENTITY.shows)(row, name, entry, answer, alone);
            if let Some(secrets) = entry.get("secret") {
                let names = items(secrets).map(|item| item.split(',').next().unwrap_or_default());
                answer.insert("secret".to_owned(), names.collect());
            }
        },
        ..ENDPOINT
    },
    Row {
        path: MATCHERS,
        builtin: r#"{"default-matcher": {"comment": "Route all notifications to mail-to-root", "mode": "all", "target": ["mail-to-root"]}}"#,
        missing: |_, name| PveError::status(404, format!("matcher '{name}' not found")),
        // Belief: as above.
        deletable: |name| {
            let words = [
                "match-severity",
                "match-field",
                "match-calendar",
                "target",
                "mode",
                "invert-match",
                "comment",
                "disable",
            ];
            variant(name, &words)
        },
        stored: matcher,
        ..ENTITY
    },
];

pub(super) fn routes(r: &mut Routes) {
    r.get("/cluster/notifications", |_| {
        Ok(named(&["endpoints", "matchers", "targets", "matcher-fields", "matcher-field-values"]))
    });
    r.get("/cluster/notifications/endpoints", |_| Ok(named(&["gotify", "sendmail", "smtp", "webhook"])));
    r.get("/cluster/notifications/targets", targets);
    r.post("/cluster/notifications/targets/{name}/test", test);
    r.get("/cluster/notifications/matcher-fields", |_| Ok(named(&["type", "hostname", "job-id"])));
    r.get("/cluster/notifications/matcher-field-values", field_values);
}

fn named(names: &[&str]) -> Value {
    names.iter().map(|name| json!({ "name": name })).collect()
}

fn endpoints() -> impl Iterator<Item = &'static Row> {
    rows().filter(|row| row.path.starts_with(ENDPOINTS))
}

fn targets(call: &mut Call<'_>) -> Result<Value, PveError> {
    let mut all = Vec::new();
    for row in endpoints() {
        for (name, entry) in row.all(call) {
            let mut shown = Map::from_iter([("name".to_owned(), json!(name))]);
            shown.insert("type".to_owned(), json!(row.path.trim_start_matches(ENDPOINTS)));
            shown.insert("origin".to_owned(), json!(origin(row, &name, &entry)));
            let open = entry.into_iter().filter(|(key, _)| ["comment", "disable"].contains(&key.as_str()));
            shown.extend(open);
            all.push(Value::Object(shown));
        }
    }
    Ok(all.into())
}

/// A test of a target. The nodes have a mail system of their own, and no way to any server.
fn test(call: &mut Call<'_>) -> Result<Value, PveError> {
    let name = call.params.need("name").to_owned();
    let kind = endpoints().find(|row| row.all(call).iter().any(|(known, _)| *known == name));
    match kind.map(|row| row.path.trim_start_matches(ENDPOINTS)) {
        None => Err(PveError::status(404, format!("endpoint '{name}' does not exist"))),
        // Belief: the mail goes to the node's own mail system, which takes it.
        Some("sendmail") => Ok(Value::Null),
        Some(_) => Err(PveError::new(format!(
            "Could not test target: could not notify via endpoint(s): {name}: Connection error: failed to lookup address \
             information: Temporary failure in name resolution"
        ))),
    }
}

/// What notifications of PVE's own can carry.
fn field_values(call: &mut Call<'_>) -> Result<Value, PveError> {
    let kinds = ["package-updates", "fencing", "replication", "vzdump", "system-mail"];
    let kinds = kinds.into_iter().map(|kind| json!({ "field": "type", "value": kind }));
    let nodes = call.cluster.nodes.names().into_iter().map(|node| json!({ "field": "hostname", "value": node }));
    Ok(kinds.chain(nodes).collect())
}

fn origin(row: &Row, name: &str, entry: &Entry) -> &'static str {
    match row.builtin_of(name) {
        None => "user-created",
        Some(builtin) if builtin == *entry => "builtin",
        Some(_) => "modified-builtin",
    }
}

fn items(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// The matchers that have this target.
fn users(call: &Call<'_>, target: &str) -> Vec<String> {
    let matchers = rows().filter(|row| row.path == MATCHERS).flat_map(|row| row.all(call));
    let names = |entry: &Entry| entry.get("target").is_some_and(|targets| items(targets).any(|name| name == target));
    matchers.filter(|(_, entry)| names(entry)).map(|(name, _)| name).collect()
}

/// A setting that can be taken away is one of these words.
fn variant(name: &str, words: &[&str]) -> Result<(), PveError> {
    if words.contains(&name) {
        return Ok(());
    }
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    let expected = match &quoted[..] {
        [one, other] => format!("{one} or {other}"),
        all => format!("one of {}", all.join(", ")),
    };
    Err(PveError::new(format!("error: unknown variant `{name}`, expected {expected}")))
}

/// At creation only. (Belief: proxmox-notify: a later change may take the last one away.)
fn recipient(_: &Call<'_>, before: Option<&Entry>, entry: &mut Entry) -> Result<(), PveError> {
    let someone =
        ["mailto", "mailto-user"].iter().any(|key| entry.get(*key).is_some_and(|list| items(list).count() > 0));
    if before.is_some() || someone {
        return Ok(());
    }
    Err(PveError::status(400, "must at least provide one recipient, either in mailto or in mailto-user"))
}

/// A secret without a value keeps the one that it had.
fn webhook(call: &Call<'_>, before: Option<&Entry>, entry: &mut Entry) -> Result<(), PveError> {
    let was = |name: &str| {
        let had = before.and_then(|before| before.get("secret")).into_iter().flat_map(items);
        had.into_iter().find(|item| item.split(',').next() == Some(name)).map(str::to_owned)
    };
    if let Some(secrets) = entry.get("secret") {
        let mut kept = Vec::new();
        for item in items(secrets) {
            let name = item.split(',').next().unwrap_or_default();
            let whole = if item.contains(",value=") { Some(item.to_owned()) } else { was(name) };
            // Belief: proxmox-notify.
            kept.push(whole.ok_or_else(|| {
                PveError::status(400, format!("secret '{}' not known", name.trim_start_matches("name=")))
            })?);
        }
        entry.insert("secret".to_owned(), json!(kept));
    }
    let url = entry.get("url").and_then(Value::as_str).unwrap_or_default();
    if url.starts_with("http://") || url.starts_with("https://") {
        return Ok(());
    }
    let why = format!(
        "writing \"notifications.cfg\" failed: verify section '{}' failed - parameter verification failed - 'url': value does not \
         match the regex pattern",
        call.params.need("name")
    );
    Err(PveError::new(format!("could not serialize configuration: {why}: {why}")))
}

fn matcher(call: &Call<'_>, _: Option<&Entry>, entry: &mut Entry) -> Result<(), PveError> {
    let of = |entry: &Entry, key: &str| -> Vec<String> {
        entry.get(key).into_iter().flat_map(items).map(str::to_owned).collect()
    };
    let severities = of(entry, "match-severity");
    if !severities.is_empty() {
        let words = severities.iter().map(|item| item.split(',').map(str::trim).collect::<Vec<_>>());
        let words: Vec<Vec<&str>> = words.collect();
        if let Some(bad) =
            words.iter().flatten().find(|word| !["info", "notice", "warning", "error", "unknown"].contains(word))
        {
            return Err(PveError::new(format!("error: invalid severity {bad}")));
        }
        entry.insert("match-severity".to_owned(), words.iter().map(|item| json!(item.join(","))).collect());
    }
    for field in of(entry, "match-field") {
        static FORM: LazyLock<Regex> =
            LazyLock::new(|| Regex::new(r"^(exact|regex):[^=]+=.*$").unwrap_or_else(|why| unreachable!("{why}")));
        if !FORM.is_match(&field) {
            return Err(PveError::new(format!(
                "error: could not apply filter: invalid match-field statement: {field}"
            )));
        }
    }
    for calendar in of(entry, "match-calendar") {
        // Belief: proxmox-time knows more forms than these.
        static FORM: LazyLock<Regex> = LazyLock::new(|| {
            let day = "(mon|tue|wed|thu|fri|sat|sun)[a-z]*";
            let time = r"\d{1,2}(:\d{2})?";
            Regex::new(&format!(r"^({day}((\.\.|,){day})*\s+)?{time}-{time}$"))
                .unwrap_or_else(|why| unreachable!("{why}"))
        });
        if !FORM.is_match(&calendar) {
            let why = format!("unable to parse daily duration at '{calendar}' - Context(\"weekday\")");
            return Err(PveError::new(format!("error: could not parse schedule: {why}")));
        }
    }
    match of(entry, "target").into_iter().find(|target| endpoints().all(|row| row.get(call, target).is_none())) {
        Some(unknown) => Err(PveError::status(404, format!("endpoint '{unknown}' does not exist"))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::bed::Bed;
    use crate::shape::Shape;

    const WEBHOOK: &str = "/cluster/notifications/endpoints/webhook";

    /// As it is stored, secrets included.
    fn stored(bed: &Bed, name: &str) -> serde_json::Value {
        bed.world.with(|cluster| json!(cluster.sections.get(WEBHOOK, name)))
    }

    #[tokio::test]
    async fn a_secret_without_a_value_is_kept_and_one_that_is_left_out_is_gone() {
        let bed = Bed::new(Shape::default());
        let one = format!("{WEBHOOK}/w1");
        let params =
            [("name", "w1"), ("url", "https://x.example"), ("method", "post"), ("secret", "name=k,value=dg==")];
        bed.ok("POST", WEBHOOK, &params).await;
        let digest = bed.ok("GET", &one, &[]).await["digest"].clone();
        bed.ok("PUT", &one, &[("secret", "name=k"), ("secret", "name=n,value=dw==")]).await;
        assert_eq!(stored(&bed, "w1")["secret"], json!(["name=k,value=dg==", "name=n,value=dw=="]));
        let shown = bed.ok("GET", &one, &[]).await;
        assert_eq!((&shown["secret"], &shown["digest"]), (&json!(["name=k", "name=n"]), &digest));
        bed.ok("PUT", &one, &[("secret", "name=n")]).await;
        assert_eq!(stored(&bed, "w1")["secret"], json!(["name=n,value=dw=="]));
        let refusal = bed.refusal("PUT", &one, &[("secret", "name=z")]).await;
        assert_eq!(refusal, (400, "secret 'z' not known".into()));
    }

    #[tokio::test]
    async fn what_pve_brings_along_is_there_again_once_it_is_removed() {
        let bed = Bed::new(Shape::default());
        let one = "/cluster/notifications/endpoints/sendmail/mail-to-root";
        let before = bed.world.with(|cluster| cluster.canonical());
        bed.ok("PUT", one, &[("comment", "changed"), ("mailto", "a@x.example")]).await;
        assert_eq!(bed.ok("GET", one, &[]).await["origin"], "modified-builtin");
        assert_ne!(bed.world.with(|cluster| cluster.canonical()), before);
        bed.ok("DELETE", one, &[]).await;
        assert_eq!(bed.ok("GET", one, &[]).await["origin"], "builtin");
        assert_eq!(bed.world.with(|cluster| cluster.canonical()), before);
    }
}
