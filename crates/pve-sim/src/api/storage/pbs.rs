//! The keys of a backup server's entry: kept apart from it, told by their fingerprint, and by themselves only when made.
//!
//! Belief (from the sources and what is known of the backup client's keys): all of it; nothing was recorded.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::kernel::Call;

/// Looks at the keys among the options; one that is to be made is made, and returned.
pub(super) fn keys(options: &mut BTreeMap<String, String>, call: &Call<'_>) -> Result<Option<String>, String> {
    if options.contains_key("master-pubkey") && !options.contains_key("encryption-key") {
        return Err("'master-pubkey' can only be used together with 'encryption-key'".to_owned());
    }
    let Some(key) = options.get_mut("encryption-key") else { return Ok(None) };
    if key == "autogen" {
        let now = call.cluster.now.unix();
        let digest = Sha256::digest(now.to_string());
        let fingerprint: Vec<String> = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let made = json!({
            "kdf": null, "created": now.to_string(), "modified": now.to_string(), "data": hex::encode(digest),
            "fingerprint": fingerprint.join(":"),
        });
        *key = made.to_string();
        return Ok(Some(key.clone()));
    }
    match serde_json::from_str::<Value>(key) {
        Ok(Value::Object(_)) => Ok(None),
        _ => Err("Invalid 'encryption-key' value: not a valid JSON key".to_owned()),
    }
}

/// What is shown of a key, if it tells it.
pub(super) fn fingerprint(key: &str) -> Option<String> {
    let key: Value = serde_json::from_str(key).ok()?;
    key["fingerprint"].as_str().map(str::to_owned)
}
