//! What a join throws away without a word.

use pve_client::{Client, Request, segment};
use serde::Deserialize;
use serde_json::{Map, Value};
use terraform_plugin::{Attr, Cx, Diagnostic, Path, Say};

use super::{ClusterMember, ClusterMemberPlan, own};
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;

/// That the plan has told it.
const TOLD: &str = "told";

/// What the installer makes on every node.
const USUAL: [&str; 2] = ["local", "local-lvm"];

/// What is listed by name, where, under which key, and what of it every node has.
const FURTHER: [(&str, &str, &str, &[&str]); 3] = [
    ("groups", "access/groups", "groupid", &[]),
    ("realms", "access/domains", "realm", &["pam", "pve"]),
    ("resource pools", "pools", "poolid", &[]),
];

const SUMMARY: &str = "A node loses what is in its /etc/pve when it joins";

/// What the node has, in words; none if it is as it was installed.
async fn of(own: &Client, node: &str) -> Result<Option<String>, Problem> {
    #[derive(Deserialize)]
    struct User {
        userid: String,
        #[serde(default)]
        tokens: Option<Vec<Value>>,
    }
    let doing = || format!("Cannot look at what node \"{node}\" has");
    let users: Vec<User> = own.call(Request::get("access/users").param("full", 1)).await.during(doing())?;
    let storages = own.storage().list().await.during(doing())?;
    // Of these some PVE may have none, and the rest is worth telling.
    let jobs: Vec<Value> = own.call(Request::get("cluster/backup")).await.unwrap_or_default();
    let mut further = Vec::new();
    for (what, path, key, usual) in FURTHER {
        let all: Vec<Value> = own.call(Request::get(path)).await.unwrap_or_default();
        let names = all.iter().filter_map(|one| one[key].as_str()).filter(|name| !usual.contains(name));
        let names: Vec<&str> = names.collect();
        if !names.is_empty() {
            further.push(format!("{what} {}", names.join(", ")));
        }
    }
    let settings = Request::get(format!("nodes/{}/config", segment(node))).node(node);
    let settings: Map<String, Value> = own.call(settings).await.unwrap_or_default();
    let settings: Vec<&str> = settings.keys().map(String::as_str).filter(|key| *key != "digest").collect();
    let tokens: usize = users.iter().map(|user| user.tokens.as_ref().map_or(0, Vec::len)).sum();
    let users: Vec<&str> = users.iter().map(|user| user.userid.as_str()).filter(|user| *user != "root@pam").collect();
    let storages: Vec<&str> =
        storages.iter().map(|storage| storage.storage.as_str()).filter(|name| !USUAL.contains(name)).collect();
    let mut lost = Vec::new();
    if !storages.is_empty() {
        lost.push(format!("storages {}", storages.join(", ")));
    }
    if !users.is_empty() {
        lost.push(format!("users {}", users.join(", ")));
    }
    if tokens > 0 {
        lost.push(match tokens {
            1 => "an API token".to_owned(),
            n => format!("{n} API tokens"),
        });
    }
    lost.append(&mut further);
    if !settings.is_empty() {
        lost.push(format!("settings of the node ({})", settings.join(", ")));
    }
    if !jobs.is_empty() {
        lost.push(format!("backup jobs ({})", jobs.len()));
    }
    Ok((!lost.is_empty()).then(|| {
        format!(
            "Node {node} has: {}. The cluster's configuration takes its place, as does that of its own settings, firewall and \
             certificate. What lies on its disks stays.",
            lost.join("; ")
        )
    }))
}

/// Says at plan what is there, if the node can be asked.
pub async fn foretell(cx: &Cx<Pve>, plan: &ClusterMemberPlan, say: &mut Say<ClusterMember>) {
    let (Some(node), false) = (plan.node.text(), plan.endpoint.is_unknown() || plan.fingerprint.is_unknown()) else {
        return;
    };
    let text = |attribute: &Attr<String>| attribute.text().map(str::to_owned);
    let Ok(own) = own(cx, node, text(&plan.endpoint).as_deref(), text(&plan.fingerprint).as_deref()) else { return };
    // A member has nothing of its own.
    match own.cluster().status().await {
        Ok(status) if status.name.is_none() => {}
        _ => return,
    }
    if let Ok(lost) = of(&own, node).await {
        cx.private.set(TOLD, true);
        if let Some(lost) = lost {
            say.warning(Path::root(), SUMMARY, lost);
        }
    }
}

/// Says it right before the node joins, unless the plan has.
pub async fn tell(cx: &Cx<Pve>, own: &Client, node: &str) -> Result<(), Problem> {
    let told = cx.private.get(TOLD).unwrap_or(false);
    cx.private.remove(TOLD);
    if !told && let Some(lost) = of(own, node).await? {
        cx.warn(Diagnostic::warning(SUMMARY, lost));
    }
    Ok(())
}
