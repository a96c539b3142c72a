//! How many tasks write to a storage at once: as many as help. PVE lets any number begin, and those that wait for a storage's
//! own lock give up in the middle of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use terraform_plugin::Cx;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::ground::error::Problem;
use crate::ground::ledger::Planned;
use crate::ground::pve::Pve;

/// So many.
const AT_ONCE: usize = 4;

/// The turns at a storage.
#[derive(Clone, Debug)]
struct Turns(Arc<Semaphore>);

impl Planned for Turns {
    type Key = String;
}

/// Waits for a turn at each of the storages; they are given up together. The time is nobody's: an operation's own begins
/// afterwards.
pub async fn take(cx: &Cx<Pve>, storages: &BTreeSet<String>) -> Result<Vec<OwnedSemaphorePermit>, Problem> {
    let mut taken = Vec::new();
    // In the order of their names, so that no two wait for each other.
    for storage in storages {
        let Turns(turns) = cx.ledger.with(|all: &mut BTreeMap<String, Turns>| {
            all.entry(storage.clone()).or_insert_with(|| Turns(Arc::new(Semaphore::new(AT_ONCE)))).clone()
        });
        tokio::select! {
            () = cx.stop.cancelled() => {
                let detail = format!("It was waiting for its turn at storage \"{storage}\". Nothing was written.");
                return Err(Problem::new("Interrupted", detail));
            }
            turn = turns.acquire_owned() => taken.extend(turn.ok()),
        }
    }
    Ok(taken)
}
