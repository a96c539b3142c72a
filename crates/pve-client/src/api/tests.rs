//! All calls against PVE's own schema, all types against what a real PVE was recorded answering, and how many
//! requests a refresh takes.

mod recorded;
mod requests;
mod schema;

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::testing::{Call, Reply};

/// The facts about PVE that the whole project shares.
fn truth(file: &str) -> Value {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../pve-sim/truth").join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
    serde_json::from_str(&text).unwrap()
}

/// A login, or nothing.
fn ticket(call: &Call) -> Option<Reply> {
    (call.line == "POST /access/ticket").then(|| {
        let ticket = format!("PVE:root@pam:{:08X}::sig", jiff::Timestamp::now().as_second());
        Reply::Data(json!({ "username": "root@pam", "ticket": ticket, "CSRFPreventionToken": "t" }))
    })
}
