//! `pve_user`: somebody who logs in.

use std::collections::BTreeSet;

use pve_client::{Area, Lock, Request};
use terraform_plugin::{Change, Cx, Error, Findings, Model, Say, Secret, Timeouts};

use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;
use crate::ground::rights;
use crate::ground::texts;
use crate::section::{self, Builtin, Family, Live, Right, Section, Sight, plain};

use super::{USER_CFG, group, realm, way_in};

/// A user of PVE, with the realm that knows the password.
///
/// `root@pam` is always there: it is taken over as it is and its settings are changed; removing it from the configuration
/// leaves it as it is then. It can be kept out (`enable = false`, or a day in `expire`) only while somebody else could let it in
/// again, and never by a provider that itself comes as `root@pam`.
///
/// PVE takes a user of a realm that does not exist, too, who cannot log in: the plan says so.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "user", area = "Access", key(userid))]
pub struct User {
    /// Name and realm, such as `joe@pve`.
    ///
    /// PVE cannot rename a user: its tokens and rights go with the old name.
    #[attr(required, replace, length = ..=64, regex = r"^[^\s:/]+@[A-Za-z][A-Za-z0-9._-]+$", says = "NAME@REALM")]
    pub userid: String,
    /// The password, of 8 to 64 characters, for users of the realm `pve` (in `pam` it becomes the password of the system's
    /// user, on one node only).
    ///
    /// PVE never shows it; raise `password_version` to have it set again.
    #[attr(optional, sensitive, write_only(version = password_version), check = from_8_to_64_characters)]
    pub password: Option<Secret<String>>,
    /// Raised to have `password` set again.
    #[attr(local)]
    pub password_version: Option<u32>,
    /// Whether the user may log in.
    #[attr(keep, usual = true)]
    pub enable: Option<bool>,
    /// When the account ends, in seconds since 1970; 0: never.
    #[attr(keep, usual = 0_u64)]
    pub expire: Option<u64>,
    /// The groups the user is in.
    #[attr(keep, each = texts::one_word)]
    pub groups: Option<BTreeSet<String>>,
    /// First name.
    #[attr(optional, length = ..=1024, check = texts::one_tidy_line)]
    pub firstname: Option<String>,
    /// Last name.
    #[attr(optional, length = ..=1024, check = texts::one_tidy_line)]
    pub lastname: Option<String>,
    /// E-mail address, to which PVE sends what concerns the user.
    #[attr(optional, length = ..=254, check = texts::whole_mail_address)]
    pub email: Option<String>,
    /// A note.
    #[attr(optional, length = ..=2048, check = texts::not_blank, same = texts::same_but_ends)]
    pub comment: Option<String>,
    /// How long operations may take.
    #[attr(timeouts(create = "5m", update = "5m", delete = "5m"))]
    pub timeouts: Timeouts,
}

fn from_8_to_64_characters(password: &String) -> Result<(), String> {
    match password.chars().count() {
        8..=64 => Ok(()),
        n => Err(format!("must have between 8 and 64 characters, and has {n}")),
    }
}

/// PVE takes a user of any realm, unless there is a password, which the realm has to keep.
async fn has_realm(cx: &Cx<Pve>, want: &UserPlan, realm: &str, found: &mut Findings<User>) -> Result<(), Error> {
    // A password is shown to nobody before the apply.
    if !found.is_plan() && want.password.is_null() {
        return Ok(());
    }
    let Some(there) = realm::missing(cx, realm).await? else { return Ok(()) };
    let there = section::listed(&there);
    if found.is_plan() {
        found.notice(
            Problem::new(
                "A user of a realm that does not exist cannot log in",
                format!(
                    "There is no realm \"{realm}\"; there are: {there}. PVE makes the user all the same, unless it has a password. \
                     `pve_realm_ad`, `pve_realm_ldap` and `pve_realm_openid` make realms."
                ),
            )
            .at("userid"),
        );
        return Ok(());
    }
    let problem = Problem::new(
        format!("Realm \"{realm}\" does not exist"),
        format!("It is the realm that keeps a password. Nothing was written. There are: {there}."),
    );
    found.mendable(problem.at("userid"));
    Ok(())
}

/// Who sees every user.
const SEEN_WITH: &[&str] = &["User.Modify", "Sys.Audit"];

impl Section for User {
    const FAMILY: Family = Family {
        what: "User",
        path: "access/users",
        write: Right { path: "/access/groups", any: &["User.Modify"] },
        also: &[Right { path: "/access/realm/{realm}", any: &["Realm.AllocateUser"] }],
        sight: Sight::With(Right { path: "/access/groups", any: SEEN_WITH }),
        // Who may change the users of some groups only has to say in which groups they are.
        always: &["groups"],
        apart: &["password"],
        listed_with: &[("full", "1")],
        ..USER_CFG
    };

    const LEFT_OUT: &'static [(&'static str, &'static str)] =
        &[("append", "the whole set of groups is given each time"), ("keys", "PVE's own note of second factors")];

    fn seen(&mut self, _live: &Live) {
        self.groups.get_or_insert_default();
    }

    fn builtin(key: &UserKey) -> Builtin {
        if key.userid == way_in::ROOT { Builtin::Stays } else { Builtin::No }
    }

    /// Who comes and goes is a matter of the realm as well.
    async fn planned(cx: &Cx<Pve>, change: &mut Change<Self>, say: &mut Say<Self>) {
        let userid = match (change.is_create(), change.is_destroy(), &change.prior) {
            (true, false, _) => change.plan.userid.text().map(str::to_owned),
            (_, true, Some(prior)) => Some(prior.userid.clone()),
            _ => None,
        };
        let own = |userid: &String| Self::builtin(&UserKey { userid: userid.clone() }) == Builtin::No;
        if let Some((_, realm)) = userid.filter(own).as_deref().and_then(|userid| userid.rsplit_once('@')) {
            rights::warn(cx, change, say, &format!("/access/realm/{realm}"), "Realm.AllocateUser").await;
        }
    }

    async fn possible(
        cx: &Cx<Pve>,
        want: &UserPlan,
        prior: Option<&Self>,
        found: &mut Findings<Self>,
    ) -> Result<(), Error> {
        if want.userid.text() == Some(way_in::ROOT) {
            way_in::remains(cx, want, prior, found).await?;
        }
        let before = prior.and_then(|prior| prior.groups.clone()).unwrap_or_default();
        for id in want.groups.known().into_iter().flatten().filter_map(|group| group.text()) {
            if !before.contains(id) {
                group::must_exist(cx, id, "groups", found).await?;
            }
        }
        match want.userid.text().and_then(|id| id.rsplit_once('@')).filter(|_| prior.is_none()) {
            Some((_, realm)) => has_realm(cx, want, realm, found).await,
            None => Ok(()),
        }
    }

    async fn change_apart(cx: &Cx<Pve>, prior: &Self, want: &Self) -> Result<(), Problem> {
        let Some(password) = want.password.as_ref().filter(|_| prior.password_version != want.password_version) else {
            return Ok(());
        };
        let doing = format!("Cannot set the password of user \"{}\"", want.userid);
        if !cx.client.has_root() {
            let what = "PVE asks everybody but root@pam for a password of their own before they set another's, and tokens have \
                        none. The password is as it was; all else was written. Set `username = \"root@pam\"` and `password` on \
                        the provider, or set it in PVE.";
            return Err(Problem::new(doing, what).at("password"));
        }
        let request = Request::put("access/password")
            .root()
            .param("userid", &want.userid)
            .secret("password", &pve_client::Secret::new(password.reveal()));
        cx.client.write::<()>(Lock::File("user.cfg"), &[Area::Access], request).await.during(doing)?;
        Ok(())
    }
}

plain!(User, "users");

/// Tells if a user that is named by the attribute `at` does not exist. Not seen is no proof of that.
pub async fn must_exist<M>(cx: &Cx<Pve>, id: &str, at: &str, found: &mut Findings<M>) -> Result<(), Error> {
    let users = section::ids(cx, "access/users", Area::Access, "userid").await?;
    if users.contains(id) || !cx.client.access().on("/access/groups").await.is_ok_and(|ours| ours.has_any(SEEN_WITH)) {
        return Ok(());
    }
    // Those that look alike: directories have thousands.
    let name = |id: &str| id.split('@').next().unwrap_or_default().to_lowercase();
    let alike: BTreeSet<String> = users.into_iter().filter(|user| name(user) == name(id)).collect();
    let alike = if alike.is_empty() { String::new() } else { format!(" There is {}.", section::listed(&alike)) };
    let problem = Problem::new(
        format!("User \"{id}\" does not exist"),
        format!("Nothing was written.{alike} `pve_user` makes users, and a sync of a realm does."),
    );
    found.missing(cx.comes("user", id), problem.at(at));
    Ok(())
}
