//! `/access/domains`: realms of all types. Only users of `pam` and `pve` can log in: there is nobody to ask for the others.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use sha1::{Digest, Sha1};

use crate::kernel::locks::Lock;
use crate::kernel::schema;
use crate::kernel::{Call, PveError, Routes};

pub(crate) fn routes(r: &mut Routes) {
    r.get("/access/domains", list);
    r.post("/access/domains", create);
    r.get("/access/domains/{realm}", read);
    r.put("/access/domains/{realm}", update);
    r.delete("/access/domains/{realm}", delete);
}

/// What an OpenID Connect realm can have besides its type.
const OPENID: &[&str] = &[
    "acr-values",
    "audiences",
    "autocreate",
    "client-id",
    "client-key",
    "comment",
    "default",
    "groups-autocreate",
    "groups-claim",
    "groups-overwrite",
    "issuer-url",
    "prompt",
    "query-userinfo",
    "scopes",
    "username-claim",
];

/// What realms of directory servers can have besides.
const DIRECTORY: &[&str] = &[
    "base_dn",
    "bind_dn",
    "capath",
    "case-sensitive",
    "cert",
    "certkey",
    "check-connection",
    "comment",
    "default",
    "filter",
    "group_classes",
    "group_dn",
    "group_filter",
    "group_name_attr",
    "mode",
    "password",
    "port",
    "secure",
    "server1",
    "server2",
    "sslversion",
    "sync-defaults-options",
    "sync_attributes",
    "tfa",
    "user_attr",
    "user_classes",
    "verify",
];

/// Whether a realm of this type can have it.
fn may_have(kind: &str, key: &str) -> bool {
    match kind {
        "openid" => OPENID.contains(&key),
        "ldap" => DIRECTORY.contains(&key),
        "ad" => DIRECTORY.contains(&key) || key == "domain",
        _ => ["comment", "default", "tfa"].contains(&key),
    }
}

/// What a realm of this type must have.
fn required(kind: &str) -> &'static [&'static str] {
    match kind {
        "openid" => &["issuer-url", "client-id"],
        "ldap" => &["server1", "base_dn", "user_attr"],
        "ad" => &["server1", "domain"],
        _ => &[],
    }
}

fn missing(realm: &BTreeMap<String, Value>) -> Option<&'static str> {
    let kind = realm.get("type").and_then(Value::as_str).unwrap_or_default();
    required(kind).iter().copied().find(|key| !realm.contains_key(*key))
}

/// The digest of the whole file: equal for equal contents.
fn digest(call: &Call<'_>) -> String {
    hex::encode(Sha1::digest(json!(call.cluster.access.realms).to_string()))
}

/// What the built-in realms say of themselves while nobody says anything else.
fn built_in_comment(realm: &str) -> Option<&'static str> {
    match realm {
        "pam" => Some("Linux PAM standard authentication"),
        "pve" => Some("Proxmox VE authentication server"),
        _ => None,
    }
}

fn list(call: &mut Call<'_>) -> Result<Value, PveError> {
    let entry = |(name, realm): (&String, &BTreeMap<String, Value>)| {
        let mut entry = Map::from_iter([("realm".to_owned(), json!(name))]);
        if let Some(comment) = built_in_comment(name) {
            entry.insert("comment".to_owned(), json!(comment));
        }
        for key in ["type", "comment"] {
            if let Some(value) = realm.get(key) {
                entry.insert(key.to_owned(), value.clone());
            }
        }
        let factor = realm.get("tfa").and_then(Value::as_str).into_iter().flat_map(|tfa| tfa.split(','));
        if let Some(kind) = factor.filter_map(|part| part.strip_prefix("type=")).next() {
            entry.insert("tfa".to_owned(), json!(kind));
        }
        if realm.get("default") == Some(&json!(1)) {
            entry.insert("default".to_owned(), json!(1));
        }
        Value::Object(entry)
    };
    Ok(call.cluster.access.realms.iter().map(entry).collect())
}

fn read(call: &mut Call<'_>) -> Result<Value, PveError> {
    let name = call.params.need("realm");
    let realm = call.cluster.access.realms.get(name);
    let realm = realm.ok_or_else(|| PveError::new(format!("domain '{name}' does not exist")))?;
    let mut answer = json!(realm);
    answer["digest"] = json!(digest(call));
    if let Some(comment) = built_in_comment(name).filter(|_| !realm.contains_key("comment")) {
        answer["comment"] = json!(comment);
    }
    if name == "pam" {
        answer["plugin"] = json!("PVE::Auth::PAM");
    }
    Ok(answer)
}

fn create(call: &mut Call<'_>) -> Result<Value, PveError> {
    let prefix = "add auth server failed: ";
    let fail = |why: String| Err(PveError::new(format!("{prefix}{why}")));
    call.lock(Lock::file("domains.cfg")).map_err(|error| error.prefix(prefix))?;
    let (name, kind) = (call.params.need("realm").to_owned(), call.params.need("type").to_owned());
    if call.cluster.access.realms.contains_key(&name) {
        return fail(format!("domain '{name}' already exists"));
    }
    if kind == "pam" || kind == "pve" {
        return fail(format!("unable to create builtin type '{kind}'"));
    }
    let mut realm = BTreeMap::from([("type".to_owned(), json!(kind))]);
    take(call, &mut realm, "POST", "/access/domains", prefix)?;
    if let Some(missing) = missing(&realm) {
        return fail(format!("missing value for required option '{missing}'"));
    }
    insert(call, name, realm);
    Ok(Value::Null)
}

fn update(call: &mut Call<'_>) -> Result<Value, PveError> {
    let prefix = "update auth server failed: ";
    let fail = |why: String| Err(PveError::new(format!("{prefix}{why}")));
    call.lock(Lock::file("domains.cfg")).map_err(|error| error.prefix(prefix))?;
    let name = call.params.need("realm").to_owned();
    if call.params.text("digest").is_some_and(|given| given != digest(call)) {
        return fail("detected modified configuration - file changed by other user? Try again.".to_owned());
    }
    let deleted = call.params.list("delete");
    let given = call.params.texts().filter(|(key, _)| !["realm", "digest"].contains(key)).count();
    if given == 0 {
        return fail("no options specified".to_owned());
    }
    let Some(mut realm) = call.cluster.access.realms.get(&name).cloned() else {
        return fail("cannot lookup undefined type! at /usr/share/perl5/PVE/API2/Domains.pm line 261.".to_owned());
    };
    take(call, &mut realm, "PUT", "/access/domains/{realm}", prefix)?;
    realm.retain(|key, _| !deleted.contains(key) || key == "type");
    if let Some(missing) = missing(&realm) {
        return fail(format!("section '{name}' - missing value for required option '{missing}'"));
    }
    insert(call, name, realm);
    Ok(Value::Null)
}

/// Takes over what was given: booleans as numbers, an empty text takes the value away.
fn take(
    call: &Call<'_>,
    realm: &mut BTreeMap<String, Value>,
    verb: &str,
    path: &str,
    prefix: &str,
) -> Result<(), PveError> {
    let method = schema::method(verb, path);
    for (key, text) in call.params.texts().filter(|(key, _)| !["realm", "type", "delete", "digest"].contains(key)) {
        if !may_have(realm["type"].as_str().unwrap_or_default(), key) {
            return Err(PveError::new(format!("{prefix}unexpected property '{key}'")));
        }
        let kind = method.and_then(|method| method.parameter(key)).and_then(|schema| schema.kind.as_deref());
        match kind {
            _ if text.is_empty() => drop(realm.remove(key)),
            // Kept where nobody sees it, and a test of the connection is nothing to keep.
            _ if ["password", "check-connection"].contains(&key) => {}
            _ if key == "sync-defaults-options" => drop(realm.insert(key.to_owned(), json!(sorted(text)))),
            Some("boolean") => drop(realm.insert(key.to_owned(), json!(u8::from(text == "1")))),
            Some("integer") => drop(realm.insert(key.to_owned(), json!(text.parse::<i64>().unwrap_or_default()))),
            _ => drop(realm.insert(key.to_owned(), json!(text))),
        }
    }
    Ok(())
}

/// A property string as PVE writes it.
fn sorted(text: &str) -> String {
    let mut parts: Vec<&str> = text.split(',').collect();
    parts.sort_unstable();
    parts.join(",")
}

/// There is one default at most.
fn insert(call: &mut Call<'_>, name: String, realm: BTreeMap<String, Value>) {
    let realms = &mut call.cluster.access.realms;
    if realm.get("default") == Some(&json!(1)) {
        for other in realms.values_mut() {
            other.remove("default");
        }
    }
    realms.insert(name, realm);
}

/// The built-in realms are there again at once. Users of a realm stay.
fn delete(call: &mut Call<'_>) -> Result<Value, PveError> {
    let prefix = "delete auth server failed: ";
    call.lock(Lock::file("domains.cfg")).map_err(|error| error.prefix(prefix))?;
    let name = call.params.need("realm").to_owned();
    if name == "pam" || name == "pve" {
        return Ok(Value::Null);
    }
    match call.cluster.access.realms.remove(&name) {
        Some(_) => Ok(Value::Null),
        None => Err(PveError::new(format!("{prefix}authentication domain '{name}' does not exist"))),
    }
}
