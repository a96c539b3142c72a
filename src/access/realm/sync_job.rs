//! `pve_realm_sync_job`: when the users of a directory server are taken over.

use std::collections::BTreeSet;

use pve_client::Area;
use terraform_plugin::{Change, Cx, Error, Findings, Model, Say, Timeouts};

use crate::ground::error::Problem;
use crate::ground::pve::Pve;
use crate::ground::rights;
use crate::ground::texts;
use crate::job::schedule;
use crate::section::{Family, Made, Right, Section, Sight, WORDS, plain};

/// A job that takes over users and groups from the directory server of a realm, again and again.
///
/// PVE makes groups as `NAME-REALM`; one that was made by hand under such a name is overwritten. With `properties` in
/// `remove_vanished` everything about a user that the server does not know is cleared, also what was set by hand. Removing a
/// job takes `Sys.Modify` on `/`.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "realm_sync_job", area = "Access", key(id))]
pub struct RealmSyncJob {
    /// Its id, unique among PVE's jobs of all kinds.
    #[attr(
        required,
        replace,
        length = ..=64,
        regex = texts::CONFIGURATION_ID,
        says = texts::CONFIGURATION_ID_SAYS
    )]
    pub id: String,
    /// The realm, of the type LDAP or Active Directory: `pve_realm_ldap.office.realm`.
    #[attr(required, replace, length = ..=32, regex = super::ID, says = "a letter, then letters, digits, `.`, `_`, `-`")]
    pub realm: String,
    /// When it runs, as a calendar event of PVE: `daily`, `mon..fri 02:30`, `*/4:00`.
    #[attr(required, length = ..=128, check = texts::one_tidy_line)]
    pub schedule: String,
    /// What is taken over: `users`, `groups` or `both`.
    #[attr(required, one_of = ["users", "groups", "both"])]
    pub scope: String,
    /// What becomes of users and groups that the server no longer has, any of `entry` (they are removed), `properties` (what
    /// they had besides is cleared) and `acl` (their rights are taken away). Unset: nothing.
    #[attr(optional, api = "remove-vanished", length = 1.., one_of = ["acl", "entry", "properties"])]
    pub remove_vanished: Option<BTreeSet<String>>,
    /// Whether users who are new may log in.
    #[attr(keep, usual = true, api = "enable-new")]
    pub enable_new: Option<bool>,
    /// Whether it runs at all.
    #[attr(keep, usual = true)]
    pub enabled: Option<bool>,
    /// A note.
    #[attr(optional, length = 1..=512, check = texts::one_tidy_line)]
    pub comment: Option<String>,
    /// How long operations may take.
    #[attr(timeouts(create = "5m", update = "5m", delete = "5m"))]
    pub timeouts: Timeouts,
}

impl Section for RealmSyncJob {
    const FAMILY: Family = Family {
        what: "Realm sync job",
        path: "cluster/jobs/realm-sync",
        file: "jobs.cfg",
        area: Area::File("jobs.cfg"),
        write: Right { path: "/access/groups", any: &["User.Modify"] },
        also: &[Right { path: "/access/realm/{realm}", any: &["Realm.AllocateUser"] }],
        removal: Some(Right { path: "/", any: &["Sys.Modify"] }),
        sight: Sight::With(Right { path: "/", any: &["Sys.Audit"] }),
        made: Made::InItsPlace,
        always: &["schedule"],
        spelt: &[("remove_vanished", WORDS)],
        ..Family::PLAIN
    };

    const UNLIKE: &'static [(&'static str, &'static str)] = &[
        ("realm", "PVE's description leaves it open, and the call refuses to do without"),
        ("scope", "PVE's description leaves it open, and the call refuses to do without"),
    ];

    async fn planned(cx: &Cx<Pve>, change: &mut Change<Self>, say: &mut Say<Self>) {
        if let Some(realm) = change.plan.realm.text().map(str::to_owned).filter(|_| !change.is_destroy()) {
            rights::warn(cx, change, say, &format!("/access/realm/{realm}"), "Realm.AllocateUser").await;
        }
    }

    async fn possible(
        cx: &Cx<Pve>,
        want: &RealmSyncJobPlan,
        prior: Option<&Self>,
        found: &mut Findings<Self>,
    ) -> Result<(), Error> {
        let before = prior.map(|prior| prior.schedule.as_str());
        schedule::is_read(cx, want.schedule.text(), before, found).await?;
        let Some(realm) = want.realm.text().filter(|_| prior.is_none()) else { return Ok(()) };
        let realms = super::realms(cx).await?;
        match realms.iter().find(|entry| entry.realm == realm) {
            Some(entry) if ["ldap", "ad"].contains(&entry.kind.as_str()) => {}
            Some(entry) => {
                let what = format!(
                    "It is of type {}; only LDAP and Active Directory have something to take over. Nothing was written.",
                    entry.kind
                );
                found.mendable(Problem::new(format!("Realm \"{realm}\" cannot be synced"), what).at("realm"));
            }
            None => {
                let coming = ["realm_ldap", "realm_ad"].iter().any(|kind| cx.comes(kind, realm));
                let problem = Problem::new(
                    format!("Realm \"{realm}\" does not exist"),
                    "Nothing was written. `pve_realm_ldap` and `pve_realm_ad` make realms that can be synced.",
                );
                found.missing(coming, problem.at("realm"));
            }
        }
        Ok(())
    }
}

plain!(RealmSyncJob, "realm_sync_jobs");
