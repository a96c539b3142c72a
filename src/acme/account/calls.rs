//! PVE's calls about accounts. All but the list are for root@pam alone: by its login, or as `pvesh` by SSH.

use std::collections::BTreeSet;
use std::sync::Arc;

use pve_client::{Area, Lock, Request, Task, segment};
use serde::Deserialize;
use terraform_plugin::Cx;

use super::AcmeAccount;
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;

/// What changes with an account.
pub(super) const AREAS: &[Area] = &[Area::File(FOLDER)];

/// For each of its tasks.
pub(super) const LOCK: Lock = Lock::File(FOLDER);

/// For the whole way of an account into being, through a change, or out: PVE's tasks do not tell which account they are about,
/// so that one of ours is known only as long as there is no other.
pub(super) const TURN: Lock = Lock::File("priv/acme, one account at a time");

const FOLDER: &str = "priv/acme";

const ALL: &str = "cluster/acme/account";

/// An account as PVE has it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Live {
    pub(super) account: Said,
    pub(super) directory: String,
    pub(super) location: Option<String>,
    pub(super) tos: Option<String>,
}

/// What the authority said of it last.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Said {
    pub(super) status: Option<String>,
    contact: Option<Vec<String>>,
}

impl Live {
    /// The addresses; none if the authority does not tell them, or keeps none.
    pub(super) fn contact(&self) -> Option<BTreeSet<String>> {
        let all = self.account.contact.iter().flatten();
        let all: BTreeSet<String> = all.map(|one| one.strip_prefix("mailto:").unwrap_or(one).to_owned()).collect();
        Some(all).filter(|all| !all.is_empty())
    }
}

/// The names of the accounts, which everybody is told. What is left of one that was deactivated is none.
pub(super) async fn names(cx: &Cx<Pve>) -> Result<Vec<String>, Problem> {
    #[derive(Deserialize)]
    struct Entry {
        name: String,
    }
    let all: Arc<Vec<Entry>> =
        cx.client.shared(AREAS[0], Request::get(ALL)).await.during("Cannot list the ACME accounts")?;
    let accounts = all.iter().filter(|entry| !entry.name.starts_with('_'));
    Ok(accounts.map(|entry| entry.name.clone()).collect())
}

pub(super) async fn is_listed(cx: &Cx<Pve>, name: &str) -> Result<bool, Problem> {
    Ok(names(cx).await?.iter().any(|listed| listed == name))
}

/// The account of that name.
pub(super) async fn find(cx: &Cx<Pve>, name: &str) -> Result<Option<Live>, Problem> {
    if !is_listed(cx, name).await? {
        return Ok(None);
    }
    let doing = format!("Cannot read ACME account \"{name}\"");
    let request = Request::get(place(name)).root().node(&node(cx, &doing).await?);
    match cx.client.call(request).await {
        Ok(live) => Ok(Some(live)),
        // It has gone since it was listed.
        Err(pve_client::Error::Parameter(refused)) if refused.fields.contains_key("name") => Ok(None),
        Err(error) => Err(Problem::during(doing, error)),
    }
}

pub(super) async fn register(cx: &Cx<Pve>, want: &AcmeAccount, doing: &str) -> Result<Task, Problem> {
    let mut request = Request::post(ALL)
        .root()
        .node(&node(cx, doing).await?)
        .param("name", &want.name)
        .param("contact", joined(&want.contact))
        .param("directory", &want.directory)
        .opt("tos_url", want.tos_url.as_ref());
    if let (Some(kid), Some(key)) = (&want.eab_kid, &want.eab_hmac_key) {
        request = request.param("eab-kid", kid).secret("eab-hmac-key", &pve_client::Secret::new(key.reveal().as_str()));
    }
    cx.client.write_task(LOCK, AREAS, request).await.during(doing)
}

pub(super) async fn tell_contact(cx: &Cx<Pve>, want: &AcmeAccount, doing: &str) -> Result<Task, Problem> {
    let request = Request::put(place(&want.name)).root().node(&node(cx, doing).await?);
    cx.client.write_task(LOCK, AREAS, request.param("contact", joined(&want.contact))).await.during(doing)
}

pub(super) async fn deactivate(cx: &Cx<Pve>, name: &str, doing: &str) -> Result<Task, Problem> {
    let request = Request::delete(place(name)).root().node(&node(cx, doing).await?);
    cx.client.write_task(LOCK, AREAS, request).await.during(doing)
}

fn place(name: &str) -> String {
    format!("{ALL}/{}", segment(name))
}

fn joined(contact: &BTreeSet<String>) -> String {
    contact.iter().map(String::as_str).collect::<Vec<_>>().join(",")
}

/// The node that carries a call out: any can, and by SSH it has to be one.
async fn node(cx: &Cx<Pve>, doing: &str) -> Result<String, Problem> {
    let all = cx.client.nodes().list().await.during(doing)?;
    let online = all.iter().filter(|node| node.is_online()).map(|node| &node.node).min();
    online.cloned().ok_or_else(|| Problem::new(doing, "The cluster sees no node online. Nothing was written."))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_authority_that_tells_no_contacts_is_no_authority_that_has_none() {
        let live = |account: serde_json::Value| serde_json::from_value::<Live>(json!({ "account": account })).unwrap();
        let told = live(json!({ "status": "valid", "contact": ["mailto:b@x.example", "mailto:a@x.example"] }));
        assert_eq!(told.contact().unwrap().into_iter().collect::<Vec<_>>(), ["a@x.example", "b@x.example"]);
        assert_eq!(live(json!({ "contact": [] })).contact(), None);
        assert_eq!(live(json!({})).contact(), None);
    }
}
