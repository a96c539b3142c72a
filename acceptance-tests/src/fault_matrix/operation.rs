//! The kinds of operation.

/// What Terraform is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    /// A plan from an empty state: the checks that look at the cluster before anything is made.
    PlanCheck,
    /// An apply from an empty state.
    Create,
    /// A plan that refreshes what is there.
    Read,
    /// An apply of `import` blocks.
    Import,
    /// A plan with data sources.
    DataSource,
    /// An apply that changes everything.
    Update,
    /// A destroy.
    Delete,
    /// An apply from an empty state, disturbed while it waits for a task.
    Wait,
}

/// What there is before an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prior {
    /// Nothing.
    Nothing,
    /// Everything, in the first way.
    There,
    /// Everything, in the other way.
    Other,
}

impl Operation {
    /// All of them, in an order in which each finds what it needs from the one before, or nearly so.
    pub const ALL: [Self; 8] = [
        Self::PlanCheck,
        Self::Create,
        Self::Read,
        Self::Import,
        Self::DataSource,
        Self::Update,
        Self::Delete,
        Self::Wait,
    ];

    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::PlanCheck => "plan check",
            Self::Create => "create",
            Self::Read => "read",
            Self::Import => "import",
            Self::DataSource => "data source",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Wait => "wait",
        }
    }

    pub(super) fn prior(self) -> Prior {
        match self {
            Self::PlanCheck | Self::Create | Self::Wait => Prior::Nothing,
            Self::Read | Self::Import | Self::DataSource | Self::Update => Prior::There,
            Self::Delete => Prior::Other,
        }
    }

    /// Whether it may change the cluster.
    pub fn writes(self) -> bool {
        matches!(self, Self::Create | Self::Update | Self::Delete | Self::Wait)
    }

    pub(super) fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::PlanCheck | Self::Read | Self::DataSource => &["plan", "-json", "-input=false", "-detailed-exitcode"],
            Self::Create | Self::Import | Self::Update | Self::Wait => APPLY,
            Self::Delete => &["apply", "-destroy", "-json", "-input=false", "-auto-approve"],
        }
    }
}

pub(super) const APPLY: &[&str] = &["apply", "-json", "-input=false", "-auto-approve"];
