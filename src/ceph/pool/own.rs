//! Ceph's own pool, `.mgr`: Ceph's manager makes it, so it is taken over where others are made, and given back where others
//! are destroyed.

use std::collections::BTreeMap;

use pve_client::api::ceph::pool::Pool as Live;
use serde::{Deserialize, Serialize};
use terraform_plugin::{Created, Cx, Error, Failed, Size, Unwritten, require};
use tokio::time::Instant;

use super::{Pool, bring_to, find, made_twice};
use crate::ceph::durability::DEFAULT_RULE;
use crate::ceph::wait::until;
use crate::ground::error::{During, Problem};
use crate::ground::ledger::Planned;
use crate::ground::pve::Pve;

/// Its name.
pub(super) const NAME: &str = ".mgr";

/// Where the state keeps what the pool was like before.
const BEFORE: &str = "before";

/// What a takeover may change, as it was.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Former {
    size: u32,
    min_size: u32,
    crush_rule: Option<String>,
}

/// A resource of this process takes it over.
#[derive(Clone, Copy, Debug)]
struct Taken;

impl Planned for Taken {
    type Key = ();
}

/// Takes it over, as soon as it is there.
pub(super) async fn take_over(cx: &Cx<Pve>, want: &Pool, unwritten: Unwritten<Pool>) -> Result<Created<Pool>, Failed> {
    let deadline = Instant::now() + cx.timeout;
    let taken = cx.ledger.with(|all: &mut BTreeMap<(), Taken>| all.insert((), Taken));
    unwritten.check(taken.map_or(Ok(()), |Taken| Err(made_twice(NAME))))?;
    let waiting = "Ceph's manager has not made its pool \".mgr\" yet";
    let live = unwritten.check(
        until(cx, deadline, waiting, async || {
            let none = "There is none. It is made once there are OSDs that can hold it.";
            Ok(find(cx, NAME).await?.ok_or_else(|| none.to_owned()))
        })
        .await,
    )?;
    unwritten.check(require(cx, want, None).await)?;
    // A run that was cut off may have changed some of it.
    let noted = cx.former(Some(NAME)).await.and_then(|run| run.note);
    let former = noted.and_then(|note| serde_json::from_str(&note).ok()).unwrap_or_else(|| former(&live, want));
    if let Ok(note) = serde_json::to_string(&former) {
        cx.jot(note);
    }
    cx.private.set(BEFORE, &former);
    // Sent as if it were made, for the note to be there before the first change; it is ours however that ends.
    let request = async { Ok::<_, Problem>(bring_to(cx, want).await) };
    let (answer, written) = unwritten.send(want.clone(), request).await?;
    match answer.and_then(|brought| brought) {
        Ok(brought) => Ok(written.made(brought)),
        Err(problem) => Ok(written.leave(problem)),
    }
}

/// The rule that is wanted may be the work of a run that was cut off and left no journal: such a rule is none that it had.
fn former(live: &Live, want: &Pool) -> Former {
    let rule = live.crush_rule_name.clone().filter(|rule| want.crush_rule.as_ref() != Some(rule));
    Former { size: live.size, min_size: live.min_size, crush_rule: rule }
}

/// Gives it back as it was: the rule that it has may be about to go. After an import, which tells of no former time, with
/// the rule that Ceph makes such pools with, and so where it had the wanted one already.
pub(super) async fn give_back(cx: &Cx<Pve>) -> Result<(), Error> {
    let Some(live) = find(cx, NAME).await? else { return Ok(()) };
    let rules = cx.client.ceph().rules().await.during("Cannot list the CRUSH rules")?;
    let there = |rule: &String| rules.contains(rule);
    let former: Option<Former> = cx.private.get(BEFORE);
    let rule = former.as_ref().and_then(|former| former.crush_rule.clone()).filter(there);
    let back = Pool {
        size: former.as_ref().map(|former| former.size),
        min_size: former.as_ref().map(|former| former.min_size),
        crush_rule: rule.or_else(|| Some(DEFAULT_RULE.to_owned()).filter(there)),
        ..untouched(&live)
    };
    bring_to(cx, &back).await?;
    Ok(())
}

/// What leaves the pool as it is, where it is said nothing more.
pub(in crate::ceph) fn untouched(live: &Live) -> Pool {
    Pool {
        name: live.name.clone(),
        target_size: live.target_size.filter(|bytes| *bytes > 0).map(Size::from_bytes),
        target_size_ratio: live.target_size_ratio.filter(|ratio| *ratio > 0.0),
        ..Pool::default()
    }
}
