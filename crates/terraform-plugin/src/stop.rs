//! The signal that work should come to an end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio_util::sync::CancellationToken;

/// Why work should come to an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// The user pressed Ctrl-C: Terraform asks every provider to cut waiting short and to answer with what there is.
    Asked,
    /// Terraform is gone (killed, crashed): nobody will store an answer, so nothing may be written any more.
    Abandoned,
}

/// Tells running operations that they should stop: cheap to clone, shared by all of them.
///
/// It goes off once and stays so. A [`child`](Self::child) goes off with its parent, but not the other way round: when
/// one process serves several runs of Terraform (debug mode), each run gets a child of its own.
#[derive(Clone, Debug, Default)]
pub struct StopToken {
    token: CancellationToken,
    /// 0 = not stopped by this token itself; else the reason as number.
    reason: Arc<AtomicU8>,
    parent: Option<Arc<StopToken>>,
}

impl StopToken {
    /// A token of its own that nothing has stopped yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A token that goes off with this one, or by itself.
    #[must_use]
    pub fn child(&self) -> Self {
        Self { token: self.token.child_token(), reason: Arc::default(), parent: Some(Arc::new(self.clone())) }
    }

    /// Sets it off. The first reason stands.
    pub fn stop(&self, reason: StopReason) {
        let number = match reason {
            StopReason::Asked => 1,
            StopReason::Abandoned => 2,
        };
        let _ = self.reason.compare_exchange(0, number, Ordering::AcqRel, Ordering::Acquire);
        self.token.cancel();
    }

    /// The same signal as a `CancellationToken`, for libraries that know nothing of this type.
    pub fn token(&self) -> CancellationToken {
        self.token.clone()
    }

    /// Whether it has gone off.
    pub fn is_cancelled(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Waits until it goes off; forever, if it never does. Meant for `tokio::select!`; dropping the future is safe.
    pub async fn cancelled(&self) {
        self.token.cancelled().await;
    }

    /// Why it went off; none as long as it has not.
    pub fn reason(&self) -> Option<StopReason> {
        match self.reason.load(Ordering::Acquire) {
            1 => Some(StopReason::Asked),
            2 => Some(StopReason::Abandoned),
            _ => self.parent.as_ref().and_then(|parent| parent.reason()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn goes_off_once_and_keeps_the_first_reason() {
        let token = StopToken::new();
        let seen = token.clone();
        assert!(!seen.is_cancelled());
        assert_eq!(seen.reason(), None);
        token.stop(StopReason::Asked);
        token.stop(StopReason::Abandoned);
        seen.cancelled().await;
        assert_eq!(seen.reason(), Some(StopReason::Asked));
    }

    #[tokio::test]
    async fn a_child_follows_its_parent_but_not_the_reverse() {
        let parent = StopToken::new();
        let (one, two) = (parent.child(), parent.child());
        one.stop(StopReason::Asked);
        assert!(!parent.is_cancelled() && !two.is_cancelled());
        parent.stop(StopReason::Abandoned);
        two.cancelled().await;
        assert_eq!(two.reason(), Some(StopReason::Abandoned));
        assert_eq!(one.reason(), Some(StopReason::Asked));
    }
}
