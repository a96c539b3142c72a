//! What is going to be done.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::config::Config;
use crate::diagnostics::Diagnostic;
use crate::path::Path;
use crate::state::{Address, State};
use crate::value::Value;

/// What is done with an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Nothing.
    NoOp,
    /// It is made.
    Create,
    /// A data source is read, later.
    Read,
    /// It is changed.
    Update,
    /// It is destroyed, and another one made.
    DeleteThenCreate,
    /// Another one is made, and it is destroyed.
    CreateThenDelete,
    /// It is destroyed.
    Delete,
    /// It is no longer known; nothing happens to it.
    Forget,
}

impl Action {
    /// Whether one object takes the place of another.
    #[must_use]
    pub fn is_replace(self) -> bool {
        matches!(self, Self::DeleteThenCreate | Self::CreateThenDelete)
    }

    /// As a plan in JSON names it.
    #[must_use]
    pub fn names(self) -> &'static [&'static str] {
        match self {
            Self::NoOp => &["no-op"],
            Self::Create => &["create"],
            Self::Read => &["read"],
            Self::Update => &["update"],
            Self::DeleteThenCreate => &["delete", "create"],
            Self::CreateThenDelete => &["create", "delete"],
            Self::Delete => &["delete"],
            Self::Forget => &["forget"],
        }
    }
}

/// Why it is done, where that is not clear from what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Nothing to say.
    None,
    /// Its creation had failed.
    Tainted,
    /// It was asked for.
    ByRequest,
    /// Something it depends on changes.
    ByTriggers,
    /// It cannot be changed so.
    CannotUpdate,
    /// It is no longer in the configuration.
    NoResourceConfig,
    /// There are fewer of them now.
    InstanceKey,
    /// Its configuration is not known yet.
    ConfigUnknown,
    /// What it depends on is going to change.
    DependencyPending,
}

/// What is going to be done with one object.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Which.
    pub address: Address,
    /// Whether it is one whose successor is there already.
    pub deposed: bool,
    /// What is done.
    pub action: Action,
    /// Why.
    pub reason: Reason,
    /// What is there.
    pub before: Value,
    /// What will be there, as far as that is known.
    pub after: Value,
    /// The attributes that cannot be changed.
    pub replace_paths: Vec<Path>,
    /// Whether it is taken over by an `import` block.
    pub importing: bool,
    /// Its address before.
    pub moved_from: Option<Address>,
    pub(crate) private: Bytes,
    pub(crate) identity: Option<Value>,
}

/// What is going to be done.
#[derive(Clone, Debug)]
pub struct Plan {
    /// With each object; data sources are there only if they are read later.
    pub changes: Vec<Change>,
    /// What is there now.
    pub refreshed: State,
    /// What was warned of.
    pub warnings: Vec<Diagnostic>,
    /// The outputs, as far as they are known.
    pub outputs: BTreeMap<String, Value>,
    pub(crate) config: Config,
    pub(crate) prior: State,
}

impl Plan {
    /// Whether nothing is to be done.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes
            .iter()
            .all(|change| change.action == Action::NoOp && !change.importing && change.moved_from.is_none())
    }

    /// What is done with an instance: nothing, if it is not in the plan.
    #[must_use]
    pub fn action(&self, address: &str) -> Action {
        self.change(address).map_or(Action::NoOp, |change| change.action)
    }

    /// What is done with an instance.
    #[must_use]
    pub fn change(&self, address: &str) -> Option<&Change> {
        let address = Address::from(address);
        self.changes.iter().find(|change| change.address == address && !change.deposed)
    }

    /// All that is done, as `(address, action)`; what stays as it is is left out.
    #[must_use]
    pub fn actions(&self) -> Vec<(String, Action)> {
        let real = self.changes.iter().filter(|change| change.action != Action::NoOp);
        real.map(|change| (change.address.to_string(), change.action)).collect()
    }

    /// What differs between what was kept and what was found.
    #[must_use]
    pub fn drift(&self) -> Vec<String> {
        let mut drift = Vec::new();
        for (address, before) in self.prior.instances.iter().filter(|(address, _)| !address.data) {
            if self.refreshed.instances.get(address).map(|after| &after.attributes) != Some(&before.attributes) {
                drift.push(address.to_string());
            }
        }
        drift
    }
}

/// What was done.
#[derive(Clone, Debug, Default)]
pub struct Applied {
    /// With which objects, in order.
    pub done: Vec<(String, Action)>,
    /// What was warned of, in the plan and in the apply.
    pub warnings: Vec<Diagnostic>,
}
