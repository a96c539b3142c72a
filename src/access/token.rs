//! `pve_token`: an API token.

use pve_client::{Area, Request, segment};
use serde::Deserialize;
use terraform_plugin::{Attr, Change, Cx, Error, Findings, Model, Queried, Say, Secret, Seen, Timeouts};

use crate::ground::error::Problem;
use crate::ground::pve::Pve;
use crate::ground::texts;
use crate::section::{self, Family, Live, Made, Right, Section, Sight, Unset, ids, lives, sees_all};

use super::{USER_CFG, user};

/// An API token of a user: what programs log in with.
///
/// PVE shows the value of a token once, when it is made. It is kept in the state, as `value`, marked sensitive: keep the state
/// where nobody reads it. After an import it is not known; raise `rotation` to have a new one.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "token", area = "Access", key(userid, tokenid))]
pub struct Token {
    /// Whose it is, such as `joe@pve` or `pve_user.joe.userid`.
    #[attr(required, replace, length = ..=64, regex = r"^[^\s:/]+@[A-Za-z][A-Za-z0-9._-]+$", says = "NAME@REALM")]
    pub userid: String,
    /// Its name among the tokens of the user.
    #[attr(
        required,
        replace,
        regex = r"^[A-Za-z][A-Za-z0-9\.\-_]+$",
        says = "at least two characters: a letter, then letters, digits, `.`, `_`, `-`"
    )]
    pub tokenid: String,
    /// Whether it has only the rights that `pve_acl` gives to it; otherwise it may do all that its user may.
    #[attr(keep, usual = true)]
    pub privsep: Option<bool>,
    /// When it ends, in seconds since 1970; 0: with its user.
    #[attr(keep, usual = 0_u64)]
    pub expire: Option<u64>,
    /// A note.
    #[attr(optional, check = texts::not_blank, same = texts::same_but_ends)]
    pub comment: Option<String>,
    /// Raised to have a new `value`; the old one stops working at once.
    #[attr(local, rouses)]
    pub rotation: Option<u32>,
    /// The whole of it in one text, as `who` of `pve_acl` takes it: `joe@pve!ci`.
    #[attr(computed)]
    pub full_tokenid: Option<String>,
    /// The secret. With `full_tokenid` it makes the provider's `api_token`: `joe@pve!ci=VALUE`.
    #[attr(computed, sensitive)]
    pub value: Option<Secret<String>>,
    /// Whether it is all that it should be.
    #[attr(ready)]
    pub ready: bool,
    /// How long operations may take.
    #[attr(timeouts(create = "5m", update = "5m", delete = "5m"))]
    pub timeouts: Timeouts,
}

impl Section for Token {
    const FAMILY: Family = Family {
        what: "Token",
        path: "access/users/{userid}/token",
        write: Right { path: "/access/groups", any: &["User.Modify"] },
        sight: Sight::All,
        unset: Unset::Delete,
        made: Made::InItsPlace,
        ..USER_CFG
    };

    const LEFT_OUT: &'static [(&'static str, &'static str)] = &[("regenerate", "`rotation` asks for it")];

    const UNLIKE: &'static [(&'static str, &'static str)] = &[("expire", "PVE shows 0 where it stores nothing")];

    fn seen(&mut self, _live: &Live) {
        self.full_tokenid = Some(format!("{}!{}", self.userid, self.tokenid));
        self.ready = true;
    }

    async fn planned(_cx: &Cx<Pve>, change: &mut Change<Self>, _say: &mut Say<Self>) {
        if change.is_update() && change.changed(|plan| &plan.rotation) {
            change.plan.value = Attr::Unknown;
        }
    }

    /// Of a user that is not there PVE says only that one may not ask.
    async fn possible(
        cx: &Cx<Pve>,
        want: &TokenPlan,
        _prior: Option<&Self>,
        found: &mut Findings<Self>,
    ) -> Result<(), Error> {
        match want.userid.text() {
            Some(id) => user::must_exist(cx, id, "userid", found).await,
            None => Ok(()),
        }
    }

    async fn make(cx: &Cx<Pve>, want: &Self) -> Result<Self, Problem> {
        let Answer { value } = section::made(cx, want, section::creation(want)?.secret_answer()).await?;
        Ok(Self { value: Some(Secret::new(value)), ready: true, ..want.clone() })
    }

    /// What was made by a run that was cut off is brought to what is wanted: nobody knows its value, so nobody uses it.
    fn agrees(_want: &Self, _live: &Self) -> bool {
        true
    }

    async fn settle(cx: &Cx<Pve>, want: &Self, known: Option<&Self>, live: Self) -> Result<Self, Problem> {
        let (live, value) = match known {
            Some(known) if known.ready && known.rotation == want.rotation => (live, known.value.clone()),
            Some(_) => (live, Some(regenerate(cx, want).await?)),
            // Its value went by.
            None => {
                let live = section::change(cx, &key(want), &Self::default(), want).await?;
                (live, Some(regenerate(cx, want).await?))
            }
        };
        Ok(Self { value, ..live })
    }

    fn kept(live: Self, prior: Option<&Self>) -> Self {
        let (value, ready) = prior.map_or((None, true), |prior| (prior.value.clone(), prior.ready));
        Self { value, ready, ..live }
    }
}

lives!(Token);

impl Queried<Pve> for Token {
    async fn seek(cx: &Cx<Pve>) -> Result<Vec<Seen<Self>>, Error> {
        sees_all(cx, "/access/groups/{group}", &["User.Modify", "Sys.Audit"], "pve_token").await?;
        let mut all = Vec::new();
        for userid in ids(cx, "access/users", Area::Access, "userid").await? {
            let path = format!("access/users/{}/token", segment(&userid));
            let tokens = ids(cx, &path, Area::Access, "tokenid").await?;
            all.extend(tokens.into_iter().map(|tokenid| TokenKey { userid: userid.clone(), tokenid }).map(Seen::there));
        }
        Ok(all)
    }
}

/// What comes back when a token is made, or made anew.
#[derive(Deserialize)]
struct Answer {
    value: String,
}

fn key(model: &Token) -> TokenKey {
    TokenKey { userid: model.userid.clone(), tokenid: model.tokenid.clone() }
}

/// Has PVE make a new value; id and rights stay.
async fn regenerate(cx: &Cx<Pve>, want: &Token) -> Result<Secret<String>, Problem> {
    let doing = format!("Cannot have a new value made for token \"{}\"", key(want));
    let path = format!("access/users/{}/token/{}", segment(&want.userid), segment(&want.tokenid));
    let request = Request::put(path).flag("regenerate", true).secret_answer();
    match section::written::<Token, Answer>(cx, request).await {
        Ok(Answer { value }) => Ok(Secret::new(value)),
        Err(pve_client::Error::Parameter(_)) => Err(Problem::new(
            doing,
            "This PVE is older than 9.1.10 and cannot make one. The token is there, and its value was shown once, to nobody who \
             kept it. Taint the resource (`terraform apply -replace`) to have the token made anew; rights given to it are \
             lost with the old one.",
        )),
        Err(error) => Err(Problem::during(doing, error)),
    }
}
