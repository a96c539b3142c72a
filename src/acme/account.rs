//! `pve_acme_account`: an account with a certificate authority.

mod authority;
mod calls;
mod creation;
mod listed;
mod removal;

use std::collections::BTreeSet;

use terraform_plugin::{
    Attr, Change, Created, Cx, Deleted, Error, Failed, Findings, Model, Need, Read, Resource, Say, Secret, Timeouts,
    Unwritten, Updated,
};

use crate::ground::absence;
use crate::ground::error::Problem;
use crate::ground::named::Named;
use crate::ground::pve::Pve;
use crate::ground::rights;
use crate::ground::texts;
use calls::Live;

/// An account with a certificate authority that speaks ACME, such as Let's Encrypt. Nodes order their certificates by it.
///
/// Registering it means to agree to the authority's terms: `tos_url` says to which. The plan asks the authority, by way of PVE,
/// which they are now, and tells the value to write. An account keeps the terms that it has agreed to: leave `tos_url` alone when
/// the authority has new ones.
///
/// It can only be destroyed after `allow_destroy = true` was applied, and not while the configuration of a node that can be seen
/// names it. Destroying deactivates it at the authority, for good: the authority has to answer, and a key for external account
/// binding may be used up. PVE keeps a file with another name then, such as `_deactivated_default_0`, which is no account any more.
///
/// PVE reserves all of it, reading too, to `root@pam` logged in with its password; no token is enough. With the provider's `ssh` and
/// without that login, PVE's own `pvesh` makes these calls on a node. With neither, the state is kept as it is, with a warning, as
/// long as PVE lists the account.
///
/// An account that exists already is not taken over; the error prints the `import` block. One exception: an apply that was killed
/// cannot tell what it has made. One that the journal in Terraform's data folder says this configuration was making, and that is
/// as it is configured, is taken for that, with a warning.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(
    name = "acme_account",
    area = "ACME",
    key(name),
    requires(eab_kid, eab_hmac_key),
    requires(eab_hmac_key, eab_kid)
)]
pub struct AcmeAccount {
    /// Its name in PVE. Nodes that name no account use `default`.
    #[attr(
        default = "default",
        replace,
        regex = texts::CONFIGURATION_ID,
        says = texts::CONFIGURATION_ID_SAYS
    )]
    pub name: String,
    /// The addresses that the authority writes to.
    ///
    /// Some tell nobody what they have, or keep none at all (Let's Encrypt): they are compared with the state there, and an
    /// import leaves them to be sent once.
    #[attr(required, length = 1.., each = texts::whole_mail_address)]
    pub contact: BTreeSet<String>,
    /// The URL of the authority's directory. Unset: Let's Encrypt.
    #[attr(
        default = "https://acme-v02.api.letsencrypt.org/directory",
        replace,
        regex = "^https?://.*$",
        says = "a URL that begins with `https://` or `http://`",
        check = texts::one_word
    )]
    pub directory: String,
    /// The URL of the terms that are agreed to. Needed where the authority has any.
    #[attr(optional, replace, length = 1.., check = texts::one_word)]
    pub tos_url: Option<String>,
    /// The id of a key by which the authority knows whom it registers (external account binding). Only the registration needs
    /// it: another one later changes nothing.
    #[attr(local, check = texts::one_word)]
    pub eab_kid: Option<String>,
    /// That key, in base64 for URLs. Only the registration needs it. It is not sent by SSH, where others on the node could see it:
    /// this takes the login of `root@pam`.
    #[attr(optional, sensitive, write_only, check = texts::one_word)]
    pub eab_hmac_key: Option<Secret<String>>,
    /// Must be true, and applied, before the account can be destroyed.
    #[attr(local, default = false)]
    pub allow_destroy: bool,
    /// Its URL at the authority.
    #[attr(computed)]
    pub location: Option<String>,
    /// What the authority said of it last: `valid`, or why it is of no use.
    #[attr(computed)]
    pub status: Option<String>,
    /// False until it is registered; the next apply carries on.
    #[attr(ready)]
    pub ready: bool,
    /// How long operations may take.
    #[attr(timeouts(create = "10m", update = "10m", delete = "10m"))]
    pub timeouts: Timeouts,
}

impl Resource<Pve> for AcmeAccount {
    fn needs() -> Vec<Need> {
        vec![Need::to_plan("/nodes", &["Sys.Audit"]), Need::to_plan("/", &["Sys.Audit"]), Need::to_apply("/", &[])]
    }

    fn left_out() -> &'static [(&'static str, &'static str)] {
        &[]
    }

    async fn plan(cx: &Cx<Pve>, change: &mut Change<Self>, say: &mut Say<Self>) {
        let told_again = change.is_update() && change.changed(|plan| &plan.contact);
        if change.is_create() || change.is_destroy() || told_again {
            let why = "PVE lets nobody else make, change or end one, and no token is enough.";
            rights::warn_root_or_ssh(cx, say, "name", "ACME accounts need the login of root@pam, or SSH", why);
        }
        if change.is_create() && cx.client.reaches_root() && !change.config.eab_kid.is_null() {
            let why = "It is a secret, and by SSH others on the node could see it.";
            rights::warn_root(cx, say, "eab_hmac_key", "External account binding needs the login of root@pam", why);
        }
        if told_again && change.prior.as_ref().is_some_and(|prior| prior.status.as_deref() != Some(VALID)) {
            change.plan.status = Attr::Unknown;
        }
    }

    async fn possible(
        cx: &Cx<Pve>,
        want: &AcmeAccountPlan,
        prior: Option<&Self>,
        found: &mut Findings<Self>,
    ) -> Result<(), Error> {
        // What is registered keeps what was agreed to.
        if prior.is_some() {
            return Ok(());
        }
        if let Some(name) = want.name.text()
            && calls::is_listed(cx, name).await?
        {
            found.exists(named(name).existing());
        }
        authority::takes(cx, want, found).await
    }

    async fn removable(cx: &Cx<Pve>, was: &Self, found: &mut Findings<Self>) -> Result<(), Error> {
        removal::removable(cx, was, found).await
    }

    async fn create(cx: &Cx<Pve>, want: &Self, unwritten: Unwritten<Self>) -> Result<Created<Self>, Failed> {
        creation::create(cx, want, unwritten).await
    }

    async fn read(cx: &Cx<Pve>, key: &AcmeAccountKey, prior: Option<&Self>) -> Result<Read<Self>, Error> {
        let listed = calls::is_listed(cx, &key.name).await;
        match listed {
            Ok(true) if !cx.client.reaches_root() => Ok(Read::unreachable(
                format!("ACME account \"{}\" is shown to root@pam alone", key.name),
                "PVE lists it, and tells nobody else what it is like. Set `username = \"root@pam\"` and `password` on the provider \
                 (PVE_USERNAME, PVE_PASSWORD), or `ssh`.",
            )),
            Ok(false) if prior.is_some_and(|prior| !prior.ready) && creation::is_under_way(cx).await? => {
                Ok(Read::unreachable(
                    format!("ACME account \"{}\" is being registered", key.name),
                    "The task that an earlier run has begun goes on. Apply again once it has ended.",
                ))
            }
            Ok(true) => {
                let found = calls::find(cx, &key.name).await;
                absence::answer(&cx.client, found.map(|live| live.map(|live| Self::from_live(&key.name, live, prior))))
                    .await
            }
            Ok(false) => absence::answer(&cx.client, Ok(None)).await,
            Err(problem) => absence::answer(&cx.client, Err(problem)).await,
        }
    }

    async fn update(cx: &Cx<Pve>, prior: &Self, want: &Self) -> Result<Updated<Self>, Error> {
        creation::bring(cx, prior, want).await
    }

    async fn delete(cx: &Cx<Pve>, was: &Self) -> Result<Deleted<Self>, Error> {
        removal::remove(cx, was).await
    }
}

/// The status of an account that can be used.
const VALID: &str = "valid";

impl AcmeAccount {
    /// As it is. `prior`: the state, or what is wanted, which knows what nobody tells.
    fn from_live(name: &str, live: Live, prior: Option<&Self>) -> Self {
        let known = prior.cloned().unwrap_or_default();
        Self {
            name: name.to_owned(),
            contact: live.contact().unwrap_or(known.contact),
            directory: live.directory,
            tos_url: live.tos,
            location: live.location,
            status: live.account.status,
            ready: prior.is_none_or(|prior| prior.ready),
            eab_hmac_key: None,
            ..known
        }
    }
}

fn named(name: &str) -> Named {
    Named {
        kind: "pve_acme_account".to_owned(),
        attribute: "name",
        key: name.to_owned(),
        what: format!("ACME account \"{name}\""),
    }
}

/// The error of whoever would change it and does not find it.
fn gone(name: &str) -> Problem {
    Problem::new(
        format!("ACME account \"{name}\" is gone"),
        "Somebody deactivated it meanwhile. Apply again to register a new one.",
    )
}
