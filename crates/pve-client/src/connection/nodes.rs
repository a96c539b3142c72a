//! Which nodes are known to be offline.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

/// How long a node counts as offline after it was seen so; then it is asked again.
const OFFLINE: Duration = Duration::from_secs(10);

/// Nodes seen offline lately. A request to a dead node costs seconds of connection timeouts; one is enough.
#[derive(Default)]
pub(crate) struct Nodes {
    offline: Mutex<HashMap<String, Instant>>,
}

impl Nodes {
    pub(crate) fn saw(&self, node: &str, online: bool) {
        let mut offline = self.offline.lock().unwrap_or_else(|broken| broken.into_inner());
        if online {
            offline.remove(node);
        } else {
            offline.insert(node.to_owned(), Instant::now());
        }
    }

    pub(crate) fn is_offline(&self, node: &str) -> bool {
        let offline = self.offline.lock().unwrap_or_else(|broken| broken.into_inner());
        offline.get(node).is_some_and(|at| at.elapsed() < OFFLINE)
    }
}
