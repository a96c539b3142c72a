//! The four ways in which a create ends, as types: made, unfinished, promised, failed.
//!
//! Terraform marks a resource as tainted when its create ends in an error *with* a state, and the next apply destroys
//! and rebuilds it. An error *without* a state orphans what was made. So an error is possible only as long as nothing
//! was written, or when it was undone: [`Failed`] cannot be made without the [`Unwritten`] token, and sending the first
//! write takes the token away.

use std::future::Future;

use super::slot::Slot;
use crate::error::Error;

/// Nothing has been sent yet.
///
/// The compiler holds what this is for; each of the wrong creates below differs from the right one above it in one line
/// (which error it must be is checked by a nightly compiler alone, that there is one by each). Before the first write an
/// error goes through the token, which proves that nothing was sent:
///
/// ```no_run
/// # use terraform_plugin::{Created, Error, Failed, Unwritten};
/// # async fn ask() -> Result<(), Error> { Ok(()) }
/// async fn create(want: u8, unwritten: Unwritten<u8>) -> Result<Created<u8>, Failed> {
///     unwritten.check(ask().await)?;
///     let (_answer, written) = unwritten.send(want, ask()).await?;
///     Ok(written.made(want))
/// }
/// ```
///
/// It does not become a `Failed` past it:
///
/// ```compile_fail,E0277
/// # use terraform_plugin::{Created, Error, Failed, Unwritten};
/// # async fn ask() -> Result<(), Error> { Ok(()) }
/// async fn create(want: u8, unwritten: Unwritten<u8>) -> Result<Created<u8>, Failed> {
///     ask().await?;
///     let (_answer, written) = unwritten.send(want, ask()).await?;
///     Ok(written.made(want))
/// }
/// ```
///
/// After the first write an error leaves the object unfinished:
///
/// ```no_run
/// # use terraform_plugin::{Created, Error, Failed, Unwritten};
/// # async fn ask() -> Result<(), Error> { Ok(()) }
/// async fn create(want: u8, unwritten: Unwritten<u8>) -> Result<Created<u8>, Failed> {
///     let (_answer, written) = unwritten.send(want, ask()).await?;
///     if let Err(error) = ask().await { return Ok(written.leave(error)) }
///     Ok(written.made(want))
/// }
/// ```
///
/// As an error it would taint or orphan the object:
///
/// ```compile_fail,E0277
/// # use terraform_plugin::{Created, Error, Failed, Unwritten};
/// # async fn ask() -> Result<(), Error> { Ok(()) }
/// async fn create(want: u8, unwritten: Unwritten<u8>) -> Result<Created<u8>, Failed> {
///     let (_answer, written) = unwritten.send(want, ask()).await?;
///     ask().await?;
///     Ok(written.made(want))
/// }
/// ```
///
/// The token is gone by then, and nothing fails through it any more:
///
/// ```compile_fail,E0382
/// # use terraform_plugin::{Created, Error, Failed, Unwritten};
/// # async fn ask() -> Result<(), Error> { Ok(()) }
/// async fn create(want: u8, unwritten: Unwritten<u8>) -> Result<Created<u8>, Failed> {
///     let (_answer, written) = unwritten.send(want, ask()).await?;
///     if let Err(error) = ask().await { return Err(unwritten.fail(error)) }
///     Ok(written.made(want))
/// }
/// ```
///
/// ```compile_fail,E0382
/// # use terraform_plugin::{Created, Error, Failed, Unwritten};
/// # async fn ask() -> Result<(), Error> { Ok(()) }
/// async fn create(want: u8, unwritten: Unwritten<u8>) -> Result<Created<u8>, Failed> {
///     let (_answer, written) = unwritten.send(want, ask()).await?;
///     unwritten.check(ask().await)?;
///     Ok(written.made(want))
/// }
/// ```
///
/// One token, one first write:
///
/// ```compile_fail,E0382
/// # use terraform_plugin::{Created, Error, Failed, Unwritten};
/// # async fn ask() -> Result<(), Error> { Ok(()) }
/// async fn create(want: u8, unwritten: Unwritten<u8>) -> Result<Created<u8>, Failed> {
///     let (_answer, written) = unwritten.send(want, ask()).await?;
///     let _second = unwritten.send(want, ask()).await?;
///     Ok(written.made(want))
/// }
/// ```
#[derive(Debug)]
#[must_use = "a create ends by `send` and what follows, by `promise`, or by `fail`"]
pub struct Unwritten<M> {
    slot: Slot<M>,
}

/// Something was sent: the object exists, or may exist. No error leads back from here but through [`Written::undo`].
#[derive(Debug)]
#[must_use = "a create ends by `made`, `unfinished`, `leave`, `settle` or `undo`"]
pub struct Written<M> {
    slot: Slot<M>,
}

/// The create failed and provably nothing exists. Made by [`Unwritten`] and by [`Written::undo`] alone.
///
/// It has no public parts, and no error becomes one by itself:
///
/// ```no_run
/// # use terraform_plugin::{Error, Failed, Unwritten};
/// let _: Failed = Unwritten::<u8>::for_test().fail(Error::new("a", "b"));
/// ```
///
/// ```compile_fail,E0451
/// # use terraform_plugin::{Error, Failed, Unwritten};
/// let _: Failed = Failed { error: Error::new("a", "b") };
/// ```
///
/// ```compile_fail,E0277
/// # use terraform_plugin::{Error, Failed, Unwritten};
/// let _: Failed = Error::new("a", "b").into();
/// ```
#[derive(Debug)]
pub struct Failed {
    error: Error,
}

/// The object exists, or is promised.
#[derive(Debug)]
pub struct Created<M> {
    pub(crate) model: M,
    pub(crate) outcome: Outcome,
}

/// How complete it is.
#[derive(Debug)]
pub(crate) enum Outcome {
    Made,
    Unfinished(Error),
    Promised(Error),
}

/// An error of a request that writes.
pub trait WriteError: Into<Error> {
    /// Whether the request certainly had no effect: it was refused, or never left. `false` when in doubt.
    fn refused(&self) -> bool;
}

/// In doubt, since it says nothing about the request.
impl WriteError for Error {
    fn refused(&self) -> bool {
        false
    }
}

impl Failed {
    pub(crate) fn into_error(self) -> Error {
        self.error
    }

    /// Why.
    pub fn error(&self) -> &Error {
        &self.error
    }
}

impl<M: Clone> Unwritten<M> {
    /// The token, and the place where what it leads to is noted. Called by the framework, and by tests of providers
    /// through [`Unwritten::for_test`].
    pub(crate) fn new(slot: Slot<M>) -> Self {
        Self { slot }
    }

    /// A token for calling `create` in a provider's own tests.
    pub fn for_test() -> Self {
        Self::new(Slot::default())
    }

    /// Passes a result on: an error fails the create, since nothing has been sent yet.
    pub fn check<T, E: Into<Error>>(&self, result: Result<T, E>) -> Result<T, Failed> {
        result.map_err(|error| Failed { error: error.into() })
    }

    /// Gives up. Nothing was sent.
    pub fn fail(self, error: impl Into<Error>) -> Failed {
        Failed { error: error.into() }
    }

    /// Sends the first write. `so_far` is what is known of the object once the request has left; it becomes the state
    /// if nothing better is ever learnt (the provider panics, the answer is lost).
    ///
    /// The token is gone before the request is begun. `Err` means that the request was provably refused. Otherwise the
    /// answer comes as a value, an error too: whether the object exists must then be settled by looking.
    pub async fn send<T, E: WriteError>(
        self,
        so_far: M,
        request: impl Future<Output = Result<T, E>>,
    ) -> Result<(Result<T, E>, Written<M>), Failed> {
        self.slot.begin(so_far).await;
        match request.await {
            Err(error) if error.refused() => {
                self.slot.clear();
                Err(Failed { error: error.into() })
            }
            answer => Ok((answer, Written { slot: self.slot })),
        }
    }

    /// It cannot be made yet, through nobody's fault, and will be by a later apply: nothing was sent, and nothing exists. The
    /// state has `ready = false`, so that the next plan shows what is left to do; the reason becomes a warning.
    ///
    /// Until then [`crate::Cx::is_promised`] holds. A read that does not find the object keeps it in the state; one that does
    /// finds the promise kept. An update makes the object, or answers [`crate::Updated::promised`] once more. A removal sends
    /// nothing, unless a read finds it there by then. The model needs a `ready` attribute.
    pub fn promise(self, model: M, why: impl Into<Error>) -> Created<M> {
        Created { model, outcome: Outcome::Promised(why.into()) }
    }

    /// There is nothing to send: what is wanted exists already and is taken over.
    pub fn take_over(self, so_far: M) -> Written<M> {
        self.slot.note(so_far);
        Written { slot: self.slot }
    }
}

/// Where [`Written::settle`]'s future notes what it has learnt.
#[derive(Debug)]
pub struct Notes<M> {
    slot: Slot<M>,
}

impl<M> Clone for Notes<M> {
    fn clone(&self) -> Self {
        Self { slot: self.slot.clone() }
    }
}

impl<M: Clone> Notes<M> {
    /// The state known by now: what is stored if nothing better is learnt.
    pub fn note(&self, model: M) {
        self.slot.note(model);
    }
}

impl<M: Clone> Written<M> {
    /// The state known by now: what is stored if nothing better is learnt, or after a panic.
    pub fn note(&self, model: M) {
        self.slot.note(model);
    }

    /// The object is all that it should be.
    pub fn made(self, model: M) -> Created<M> {
        Created { model, outcome: Outcome::Made }
    }

    /// The object exists and work is left, for the next apply. The reason becomes a warning.
    pub fn unfinished(self, model: M, why: impl Into<Error>) -> Created<M> {
        Created { model, outcome: Outcome::Unfinished(why.into()) }
    }

    /// As [`Written::unfinished`], with the state noted last.
    pub fn leave(self, why: impl Into<Error>) -> Created<M> {
        // `send` and `take_over` have noted a state, and nothing but `undo` (which ends in itself) takes it away.
        #[allow(clippy::expect_used)]
        let model = self.slot.noted().expect("a Written has a noted state");
        self.unfinished(model, why)
    }

    /// Does what is left to do after the first write. An error on the way leaves the object unfinished, with the state
    /// noted last.
    pub async fn settle<E, F>(self, rest: impl FnOnce(Notes<M>) -> F) -> Created<M>
    where
        E: Into<Error>,
        F: Future<Output = Result<M, E>>,
    {
        match rest(Notes { slot: self.slot.clone() }).await {
            Ok(model) => self.made(model),
            Err(why) => self.leave(why),
        }
    }

    /// Takes back what was written, because of `error`. If that works, the create has failed and nothing exists;
    /// if not, the object is left unfinished and both errors are told.
    pub async fn undo<E: Into<Error>>(
        self,
        error: impl Into<Error>,
        undo: impl Future<Output = Result<(), E>>,
    ) -> Result<Created<M>, Failed> {
        let error = error.into();
        match undo.await {
            Ok(()) => {
                self.slot.clear();
                Err(Failed { error })
            }
            Err(second) => Ok(self.leave(error.and(second))),
        }
    }
}

impl<M> Created<M> {
    /// What exists.
    pub fn model(&self) -> &M {
        &self.model
    }

    /// Why it is not finished, if it is not.
    pub fn unfinished(&self) -> Option<&Error> {
        match &self.outcome {
            Outcome::Made => None,
            Outcome::Unfinished(why) | Outcome::Promised(why) => Some(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    struct Answer {
        refused: bool,
    }

    impl From<Answer> for Error {
        fn from(answer: Answer) -> Self {
            Self::new(if answer.refused { "refused" } else { "lost" }, "")
        }
    }

    impl WriteError for Answer {
        fn refused(&self) -> bool {
            self.refused
        }
    }

    #[tokio::test]
    async fn a_refused_request_fails_and_leaves_nothing_noted() {
        let slot = Slot::default();
        let sent = Unwritten::new(slot.clone()).send(1, async { Err::<(), _>(Answer { refused: true }) }).await;
        assert_eq!(sent.unwrap_err().error().text(), "refused");
        assert_eq!(slot.noted(), None);
    }

    #[tokio::test]
    async fn a_lost_answer_comes_as_a_value_and_what_may_exist_is_noted_before_the_request_leaves() {
        let slot = Slot::default();
        let seen = slot.clone();
        let request = async {
            assert_eq!(seen.noted(), Some(1));
            Err::<(), _>(Answer { refused: false })
        };
        let (answer, written) = Unwritten::new(slot.clone()).send(1, request).await.unwrap();
        assert_eq!(answer, Err(Answer { refused: false }));
        let created = written.leave(answer.unwrap_err());
        assert_eq!((created.model, slot.noted()), (1, Some(1)));
    }

    #[tokio::test]
    async fn undone_is_failed_and_not_undone_is_unfinished_with_both_reasons() {
        let slot = Slot::default();
        let written = Unwritten::new(slot.clone()).take_over(1);
        let failed = written.undo(Error::new("first", ""), async { Ok::<_, Error>(()) }).await.unwrap_err();
        assert_eq!((failed.error().text().as_str(), slot.noted()), ("first", None));

        let written = Unwritten::<i32>::for_test().take_over(2);
        let undo = async { Err::<(), _>(Error::new("second", "")) };
        let created = written.undo(Error::new("first", ""), undo).await.unwrap();
        assert_eq!(created.unfinished().unwrap().text(), "first\nsecond");
    }

    #[test]
    fn a_promise_notes_nothing_as_written() {
        let slot = Slot::default();
        let promised = Unwritten::new(slot.clone()).promise(1, Error::new("later", ""));
        assert!(matches!(promised.outcome, Outcome::Promised(_)));
        assert_eq!((promised.model, slot.noted()), (1, None));
    }

    #[tokio::test]
    async fn settling_ends_as_made_or_with_the_last_note() {
        let made = Unwritten::for_test().take_over(1).settle(async |_| Ok::<_, Error>(3)).await;
        assert!(made.unfinished().is_none() && made.model == 3);
        let rest = async |notes: Notes<i32>| {
            notes.note(2);
            Err(Error::new("stopped", ""))
        };
        let left = Unwritten::for_test().take_over(1).settle(rest).await;
        assert_eq!((left.model, left.unfinished().unwrap().text().as_str()), (2, "stopped"));
    }
}
