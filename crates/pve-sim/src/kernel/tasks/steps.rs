//! A task as a chain: waits, locks and pieces of work in order.

use std::collections::VecDeque;
use std::time::Duration;

use super::{Job, Next, TaskCx};
use crate::kernel::locks::Lock;

type Work = Box<dyn FnOnce(&mut TaskCx<'_>) -> Result<(), String> + Send>;
type Loop = Box<dyn FnMut(&mut TaskCx<'_>) -> Result<Repeat, String> + Send>;
type Undo = Box<dyn FnOnce(&mut TaskCx<'_>) -> String + Send>;

enum Step {
    Wait(Duration),
    Lock(Lock),
    Run(Work),
    Repeat(Duration, Loop),
}

/// What a repeated step says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// Once more after the period.
    Again,
    /// On to the next step.
    Over,
}

/// A chain of steps.
///
/// ```ignore
/// let steps = Steps::new()
///     .lock(Lock::Vm(vmid))
///     .wait(Duration::from_secs(2))
///     .run(move |t| { t.log("starting"); t.cluster.guests.start(vmid) });
/// call.task("qmstart", vmid.to_string(), steps)
/// ```
#[derive(Default)]
pub struct Steps {
    steps: VecDeque<Step>,
    undo: Option<Undo>,
}

impl Steps {
    /// An empty chain, which ends `OK` at once.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets simulated time pass.
    pub fn wait(self, span: Duration) -> Self {
        self.with(Step::Wait(span))
    }

    /// Takes a lock and keeps it until the task ends; fails with PVE's text after ten seconds.
    pub fn lock(self, lock: Lock) -> Self {
        self.with(Step::Lock(lock))
    }

    /// A piece of work; an `Err` ends the task with this text.
    pub fn run(self, work: impl FnOnce(&mut TaskCx<'_>) -> Result<(), String> + Send + 'static) -> Self {
        self.with(Step::Run(Box::new(work)))
    }

    /// A piece of work that is done over and over, `period` apart, until it says [`Repeat::Over`].
    pub fn repeat(
        self,
        period: Duration,
        work: impl FnMut(&mut TaskCx<'_>) -> Result<Repeat, String> + Send + 'static,
    ) -> Self {
        self.with(Step::Repeat(period, Box::new(work)))
    }

    /// What is undone when somebody stops the task; gives the error it ends with.
    pub fn on_stop(mut self, undo: impl FnOnce(&mut TaskCx<'_>) -> String + Send + 'static) -> Self {
        self.undo = Some(Box::new(undo));
        self
    }

    fn with(mut self, step: Step) -> Self {
        self.steps.push_back(step);
        self
    }
}

impl Job for Steps {
    fn step(&mut self, task: &mut TaskCx<'_>) -> Next {
        while let Some(step) = self.steps.pop_front() {
            match step {
                Step::Wait(span) => return Next::After(span),
                Step::Lock(lock) => return Next::Lock(lock),
                Step::Run(work) => {
                    if let Err(text) = work(task) {
                        return Next::Fail(text);
                    }
                }
                Step::Repeat(period, mut work) => match work(task) {
                    Err(text) => return Next::Fail(text),
                    Ok(Repeat::Over) => {}
                    Ok(Repeat::Again) => {
                        self.steps.push_front(Step::Repeat(period, work));
                        return Next::After(period);
                    }
                },
            }
        }
        Next::Done
    }

    fn is_at_its_last(&self) -> bool {
        self.steps.iter().filter(|step| matches!(step, Step::Run(_) | Step::Repeat(..))).count() == 1
    }

    fn stop(&mut self, task: &mut TaskCx<'_>) -> String {
        match self.undo.take() {
            Some(undo) => undo(task),
            None => "received interrupt".to_owned(),
        }
    }
}
