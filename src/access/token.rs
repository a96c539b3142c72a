//! `pve_token`: an API token.

use pve_client::{Area, Lock, Request, segment};
use serde::Deserialize;
use terraform_plugin::{
    Attr, Change, Created, Cx, Deleted, Error, Failed, Findings, Model, Need, Read, Resource, Say, Secret, Timeouts,
    Unwritten, Updated, require,
};

use crate::error::{During, Problem};
use crate::evidence;
use crate::pve::Pve;
use crate::section::{self, Family, Live, Made, Right, Section, Sight, Unset};
use crate::texts;

use super::USER_CFG;

/// An API token of a user: what programs log in with.
///
/// PVE shows the value of a token once, when it is made. It is kept in the state, as `value`, marked sensitive: keep the state
/// where nobody reads it. After an import it is not known; raise `rotation` to have a new one.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "token", area = "Access", key(userid, tokenid))]
pub struct Token {
    /// Whose it is, such as `joe@pve` or `pve_user.joe.userid`. A change replaces it.
    #[attr(required, replace, length = ..=64, regex = r"^[^\s:/]+@[A-Za-z][A-Za-z0-9._-]+$", says = "NAME@REALM")]
    pub userid: String,
    /// Its name among the tokens of the user. A change replaces it.
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
}

/// What comes back when a token is made, or made anew.
#[derive(Deserialize)]
struct Answer {
    value: String,
}

impl Resource<Pve> for Token {
    const PLAIN: bool = true;

    fn needs() -> Vec<Need> {
        section::needs::<Self>()
    }

    async fn plan(cx: &Cx<Pve>, change: &mut Change<Self>, say: &mut Say<Self>) {
        if change.is_update() && change.changed(|plan| &plan.rotation) {
            change.plan.value = Attr::Unknown;
        }
        section::plan(cx, change, say).await;
    }

    async fn possible(
        cx: &Cx<Pve>,
        want: &TokenPlan,
        prior: Option<&Self>,
        found: &mut Findings<Self>,
    ) -> Result<(), Error> {
        section::possible(cx, want, prior, found).await
    }

    async fn create(cx: &Cx<Pve>, want: &Self, unwritten: Unwritten<Self>) -> Result<Created<Self>, Failed> {
        let place = format!("{}/{}", want.userid, want.tokenid);
        if let Some(live) = unwritten.check(section::find::<Self>(cx, &key(want)).await)? {
            let left = section::named::<Self>(&key(want)).left_behind(cx, Some(live), |_| true).await;
            if let Some(live) = unwritten.check(left)? {
                // Nobody knows the value that was handed out then.
                let written = unwritten.take_over(Self { timeouts: want.timeouts.clone(), ..live });
                return Ok(written.settle(|_| async { finish(cx, want).await }).await);
            }
        }
        unwritten.check(require(cx, want, None).await)?;
        let doing = format!("Cannot create token \"{place}\"");
        let request = Request::post(path(want))
            .opt("privsep", want.privsep.map(u8::from))
            .opt("expire", want.expire)
            .opt("comment", want.comment.as_ref())
            .secret_answer();
        let request = async { write(cx, request).await.during(&doing) };
        let (answer, written) = unwritten.send(want.clone(), request).await?;
        let lost = match answer {
            Ok(Answer { value }) => {
                let made = Self { value: Some(Secret::new(value)), ..want.clone() };
                written.note(made.clone());
                return Ok(written.settle(|_| async { read_back(cx, &made).await }).await);
            }
            Err(problem) => Err::<(), _>(problem),
        };
        match evidence::arrived(cx, lost, section::find::<Self>(cx, &key(want)), evidence::Sight::All).await {
            // It is there, and its value went by.
            Ok(Ok(_)) => Ok(written.settle(|_| async { finish(cx, want).await }).await),
            Ok(Err(problem)) => written.undo(problem, section::must_be_absent::<Self>(cx, &key(want))).await,
            Err(problem) => Ok(written.leave(problem)),
        }
    }

    async fn read(cx: &Cx<Pve>, key: &TokenKey, prior: Option<&Self>) -> Result<Read<Self>, Error> {
        Ok(match section::read::<Self>(cx, key).await? {
            Read::Found(live) => {
                let (value, ready) = prior.map_or((None, true), |prior| (prior.value.clone(), prior.ready));
                Read::Found(Self { value, ready, ..live })
            }
            other => other,
        })
    }

    async fn update(cx: &Cx<Pve>, prior: &Self, want: &Self) -> Result<Updated<Self>, Error> {
        require(cx, want, Some(prior)).await?;
        let changed = section::change(cx, &key(want), prior, want).await?;
        if !prior.ready || prior.rotation != want.rotation {
            return Ok(Updated::Done(Self { value: Some(regenerate(cx, want).await?), ..changed }));
        }
        Ok(Updated::Done(Self { value: prior.value.clone(), ..changed }))
    }

    async fn delete(cx: &Cx<Pve>, was: &Self) -> Result<Deleted<Self>, Error> {
        section::delete(cx, was).await
    }
}

fn key(model: &Token) -> TokenKey {
    TokenKey { userid: model.userid.clone(), tokenid: model.tokenid.clone() }
}

fn path(of: &Token) -> String {
    format!("access/users/{}/token/{}", segment(&of.userid), segment(&of.tokenid))
}

async fn write(cx: &Cx<Pve>, request: Request) -> Result<Answer, pve_client::Error> {
    cx.client.write(Lock::File("user.cfg"), &[Area::Access], request).await
}

/// As it is by now, with the value that only we know.
async fn read_back(cx: &Cx<Pve>, made: &Token) -> Result<Token, Problem> {
    let gone =
        || Problem::new(format!("Token \"{}\" is gone", key(made)), "Somebody removed it as soon as it was made.");
    let live = section::find::<Token>(cx, &key(made)).await?.ok_or_else(gone)?;
    Ok(Token { value: made.value.clone(), ..live })
}

/// Brings a token whose value nobody knows to what is wanted.
async fn finish(cx: &Cx<Pve>, want: &Token) -> Result<Token, Problem> {
    let live = section::change(cx, &key(want), &Token::default(), want).await?;
    Ok(Token { value: Some(regenerate(cx, want).await?), ..live })
}

/// Has PVE make a new value; id and rights stay.
async fn regenerate(cx: &Cx<Pve>, want: &Token) -> Result<Secret<String>, Problem> {
    let doing = format!("Cannot have a new value made for token \"{}\"", key(want));
    let request = Request::put(path(want)).flag("regenerate", true).secret_answer();
    match write(cx, request).await {
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
