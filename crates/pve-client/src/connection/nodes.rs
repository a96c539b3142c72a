//! Which nodes answer, as far as this client has seen.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;
use tokio::time::{Instant, timeout};

use crate::Error;

/// How long others wait for the first answer of a node. To find out that one is dead takes PVE up to 21 s; whoever has
/// waited this long goes too, since the first request may be one that simply takes its time.
const FIRST: Duration = Duration::from_secs(5);

/// What was seen of the nodes. A request to a dead one costs many seconds of somebody else's connection timeouts, so one
/// is enough.
#[derive(Default)]
pub(crate) struct Nodes(Mutex<HashMap<String, Node>>);

#[derive(Default)]
struct Node {
    seen: Seen,
    /// Held by the first who asks it.
    door: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Default)]
enum Seen {
    #[default]
    Nothing,
    Answer,
    Silence(Silence),
}

/// A node that did not answer.
#[derive(Clone)]
pub(crate) struct Silence {
    /// When that was found out.
    pub(crate) since: Instant,
    /// In whose words.
    pub(crate) told: String,
}

impl Silence {
    /// What a request to this node gets instead of being sent.
    pub(crate) fn refusal(self, node: &str) -> Error {
        Error::NodeUnreachable { node: node.to_owned(), message: self.told, sent: false }
    }
}

impl Nodes {
    fn with<T>(&self, node: &str, look: impl FnOnce(&mut Node) -> T) -> T {
        let mut nodes = self.0.lock().unwrap_or_else(|broken| broken.into_inner());
        match nodes.get_mut(node) {
            Some(node) => look(node),
            None => look(nodes.entry(node.to_owned()).or_default()),
        }
    }

    /// It answers, or is at least not known not to.
    pub(crate) fn answers(&self, node: &str) {
        self.with(node, |node| node.seen = Seen::Answer);
    }

    /// Nobody could connect to it.
    pub(crate) fn silent(&self, node: &str, told: &str) {
        let silence = Silence { since: Instant::now(), told: told.to_owned() };
        self.with(node, |node| node.seen = Seen::Silence(silence));
    }

    /// What was seen of it counts no longer.
    pub(crate) fn forget(&self, node: &str) {
        self.with(node, |node| node.seen = Seen::Nothing);
    }

    /// Whether it was found silent.
    pub(crate) fn silence(&self, node: &str) -> Option<Silence> {
        self.with(node, |node| match &node.seen {
            Seen::Silence(silence) => Some(silence.clone()),
            Seen::Nothing | Seen::Answer => None,
        })
    }

    /// For the first who asks a node that nothing is known of: until this is dropped, others wait here. Nothing, once there
    /// is something known.
    pub(crate) async fn first(&self, node: &str) -> Option<OwnedMutexGuard<()>> {
        let unknown = |node: &mut Node| matches!(node.seen, Seen::Nothing).then(|| node.door.clone());
        let door = self.with(node, unknown)?;
        let first = timeout(FIRST, door.lock_owned()).await.ok()?;
        self.with(node, unknown).map(|_| first)
    }
}
