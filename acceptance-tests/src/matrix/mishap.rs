//! What happens.

use serde_json::{Value, json};

/// What happens at a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mishap {
    /// The provider dies before PVE has heard of it.
    ProviderKilledBefore,
    /// The provider dies when PVE has done it.
    ProviderKilledAfter,
    /// Terraform and its providers die before PVE has heard of it.
    AllKilledBefore,
    /// Terraform and its providers die when PVE has done it.
    AllKilledAfter,
    /// Terraform alone dies while it is on its way.
    TerraformKilled,
    /// Ctrl-C while it is on its way.
    Interrupted,
    /// The time that the object has runs out while it is on its way.
    TimeOver,
    /// The connection breaks before PVE has heard of it.
    LostBefore,
    /// The connection breaks when PVE has done it.
    LostAfter,
}

/// The time that an object has under [`Mishap::TimeOver`].
pub(super) const LITTLE_TIME: &str = "6s";
/// Simulated, at the usual sixtyfold: eight seconds.
const TOO_LONG: &str = "480s";

impl Mishap {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::ProviderKilledBefore,
        Self::ProviderKilledAfter,
        Self::AllKilledBefore,
        Self::AllKilledAfter,
        Self::TerraformKilled,
        Self::Interrupted,
        Self::TimeOver,
        Self::LostBefore,
        Self::LostAfter,
    ];

    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::ProviderKilledBefore => "provider killed before",
            Self::ProviderKilledAfter => "provider killed after",
            Self::AllKilledBefore => "Terraform and provider killed before",
            Self::AllKilledAfter => "Terraform and provider killed after",
            Self::TerraformKilled => "Terraform killed, provider left behind",
            Self::Interrupted => "Ctrl-C",
            Self::TimeOver => "timeout over",
            Self::LostBefore => "connection lost before",
            Self::LostAfter => "connection lost after",
        }
    }

    /// Whether a run can have ended like this, if it has really happened.
    pub(super) fn ends_with(self, code: Option<i32>) -> bool {
        match self {
            Self::AllKilledBefore | Self::AllKilledAfter | Self::TerraformKilled => code.is_none(),
            Self::ProviderKilledBefore | Self::ProviderKilledAfter => code.is_some_and(|code| code != 0),
            Self::Interrupted | Self::TimeOver | Self::LostBefore | Self::LostAfter => code.is_some(),
        }
    }

    /// Whether the provider is killed, or Terraform.
    pub(super) fn kills(self) -> bool {
        self.kills_terraform() || matches!(self, Self::ProviderKilledBefore | Self::ProviderKilledAfter)
    }

    /// Whether Terraform itself is killed.
    pub(super) fn kills_terraform(self) -> bool {
        matches!(self, Self::AllKilledBefore | Self::AllKilledAfter | Self::TerraformKilled)
    }

    /// Whether PVE has carried out the request all the same when its sender learns nothing.
    pub(super) fn done_unseen(self) -> bool {
        matches!(self, Self::ProviderKilledAfter | Self::AllKilledAfter | Self::LostAfter)
    }

    /// `when` and `effect` of the fault.
    pub(super) fn fault(self) -> (&'static str, Value) {
        let signal = |signal: &str, to: &str| json!({ "signal": signal, "to": to });
        match self {
            Self::ProviderKilledBefore => ("before", signal("KILL", "peer")),
            Self::ProviderKilledAfter => ("after", signal("KILL", "peer")),
            Self::AllKilledBefore => ("before", signal("KILL", "group")),
            Self::AllKilledAfter => ("after", signal("KILL", "group")),
            Self::TerraformKilled => ("before", signal("KILL", "parent")),
            Self::Interrupted => ("before", signal("INT", "group")),
            Self::TimeOver => ("before", json!({ "delay": TOO_LONG })),
            Self::LostBefore => ("before", json!({ "drop": true })),
            Self::LostAfter => ("after", json!({ "drop": true })),
        }
    }
}
