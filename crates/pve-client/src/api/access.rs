//! Rights.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{Area, Client, Error, Request, wire};

/// `/access`.
#[derive(Clone, Copy)]
pub struct Access<'a> {
    client: &'a Client,
}

/// The privileges that somebody has on one object.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(transparent)]
pub struct Privileges(BTreeMap<String, Propagates>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
struct Propagates(#[serde(deserialize_with = "wire::boolean")] bool);

impl Privileges {
    /// Whether this privilege is among them.
    pub fn has(&self, privilege: &str) -> bool {
        self.0.contains_key(privilege)
    }

    /// Whether any of these is among them. One may be several that are enough only together: `Sys.Audit and Sys.Modify`.
    pub fn has_any(&self, privileges: &[&str]) -> bool {
        privileges.iter().any(|together| together.split(" and ").all(|privilege| self.has(privilege)))
    }

    /// Whether the privilege also holds for everything below the object.
    pub fn propagates(&self, privilege: &str) -> bool {
        self.0.get(privilege).is_some_and(|propagates| propagates.0)
    }
}

impl<'a> Access<'a> {
    pub(super) fn new(client: &'a Client) -> Self {
        Self { client }
    }

    /// Our own privileges on an object of PVE's permission tree (`/vms/100`, `/storage/ceph`, `/`), inherited ones
    /// included. `GET /access/permissions?path=`
    ///
    /// PVE works it out for exactly this path, so it is right where the whole table is not: a path on which we have
    /// nothing is left out there, and looks as if it inherited.
    pub async fn on(&self, path: &str) -> Result<Privileges, Error> {
        let request = Request::get("access/permissions").param("path", path);
        let table = self.client.shared::<BTreeMap<String, Privileges>>(Area::Access, request).await?;
        Ok(table.get(path).cloned().unwrap_or_default())
    }

    /// The privileges of another user, for who may look at everybody's (Sys.Audit on `/access`).
    /// `GET /access/permissions?path=&userid=`
    pub async fn of(&self, userid: &str, path: &str) -> Result<Privileges, Error> {
        let request = Request::get("access/permissions").param("path", path).param("userid", userid);
        let table = self.client.shared::<BTreeMap<String, Privileges>>(Area::Access, request).await?;
        Ok(table.get(path).cloned().unwrap_or_default())
    }

    /// Whether we have a privilege on an object. PVE leaves out of its lists what we may not see: only with
    /// this proven does "not in the list" mean "does not exist".
    pub async fn has(&self, path: &str, privilege: &str) -> Result<bool, Error> {
        Ok(self.on(path).await?.has(privilege))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_recorded_answer() {
        let answer = r#"{"/vms/100": {"VM.Audit": 0, "VM.PowerMgmt": 1}}"#;
        let table: BTreeMap<String, Privileges> = serde_json::from_str(answer).unwrap();
        let on = &table["/vms/100"];
        assert!(on.has("VM.Audit") && !on.propagates("VM.Audit") && on.propagates("VM.PowerMgmt"));
        assert!(on.has_any(&["Sys.Audit", "VM.Audit"]) && !on.has("Sys.Audit"));
        assert!(on.has_any(&["VM.Audit and VM.PowerMgmt"]) && !on.has_any(&["VM.Audit and Sys.Audit"]));
    }
}
