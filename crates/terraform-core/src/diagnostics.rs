//! What is said to the user, and by whom.

use std::fmt;

use tfplugin6 as tf;

use crate::path::Path;

macro_rules! rules {
    ($($name:ident,)*) => {
        /// What core holds against a provider: one for each thing that it checks.
        ///
        /// Each has been seen to be noticed: a test lies in each of these ways.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs)] // The names say it, and the complaint says it in core's words.
        pub enum Rule {
            $($name,)*
        }

        impl Rule {
            /// Every rule.
            pub const ALL: &[Self] = &[$(Self::$name,)*];
        }
    };
}

rules! {
    // schemas
    NoProviderSchema,
    InvalidSchema,
    InvalidIdentitySchema,
    // the wire
    Malformed,
    RpcFailed,
    RpcNotOffered,
    SilentSeverity,
    Deferred,
    // upgrades, reads, imports, moves
    UpgradeUnknown,
    UpgradeNull,
    UpgradeWriteOnly,
    NewerState,
    IdentityUpgradeUnknown,
    ReadUnknown,
    ReadWriteOnly,
    IdentityUnknown,
    ImportNothing,
    ImportSeveral,
    ImportWithoutType,
    ImportWithoutIdentity,
    ImportNull,
    ImportUnknown,
    ImportWriteOnly,
    ImportMissing,
    MoveNotOffered,
    MoveNull,
    MoveUnknown,
    MoveWriteOnly,
    // plans
    PlanAbsence,
    PlanExistence,
    PlanNotComputed,
    PlanNotConfig,
    PlanNotConfigNorPrior,
    PlanWriteOnly,
    PlanUnknownForConfigured,
    PlanCount,
    PlanMapKey,
    PlanBlocksNull,
    PlanBlocksUnknown,
    PlanBlockCount,
    PlanBlockKey,
    PlanBlockUnknownElement,
    PlanUnknownDynamicBlock,
    PlanReplacePath,
    PlanDestroyNotNull,
    FinalPlanAction,
    FinalPlanValue,
    // results
    ResultUnknown,
    ResultWriteOnly,
    ResultInconsistent,
    ResultNull,
    ResultNotNull,
    // data
    DataNull,
    DataUnknown,
    // lists
    ListWithoutSchema,
    ListedWithoutIdentity,
    ListedUnfit,
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The provider itself.
    Provider,
    /// Core, and blames the provider.
    Rule(Rule),
    /// Core, and blames the configuration.
    Configuration,
}

/// Something that is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Who speaks.
    pub by: By,
    /// Of which instance; empty where it is of none.
    pub address: String,
    /// Of which attribute.
    pub path: Path,
    /// In a few words.
    pub summary: String,
    /// In full.
    pub detail: String,
}

impl Diagnostic {
    /// What core holds against the provider, if it is that.
    #[must_use]
    pub fn rule(&self) -> Option<Rule> {
        if let By::Rule(rule) = self.by { Some(rule) } else { None }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.address.is_empty() {
            write!(f, "{}{}: ", self.address, self.path)?;
        }
        write!(f, "{}: {}", self.summary, self.detail)
    }
}

/// Errors and warnings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics {
    /// What failed.
    pub errors: Vec<Diagnostic>,
    /// What did not, and is said all the same.
    pub warnings: Vec<Diagnostic>,
}

impl Diagnostics {
    /// Whether something failed.
    #[must_use]
    pub fn failed(&self) -> bool {
        !self.errors.is_empty()
    }

    /// Takes over what somebody else collected.
    pub fn take(&mut self, other: Self) {
        self.errors.extend(other.errors);
        self.warnings.extend(other.warnings);
    }

    pub(crate) fn error(
        &mut self,
        by: By,
        address: &str,
        path: Path,
        summary: impl Into<String>,
        detail: impl Into<String>,
    ) {
        let (summary, detail) = (summary.into(), detail.into());
        self.errors.push(Diagnostic { by, address: address.to_owned(), path, summary, detail });
    }

    /// What core holds against the provider.
    pub(crate) fn hold(
        &mut self,
        rule: Rule,
        address: &str,
        path: &Path,
        summary: impl Into<String>,
        detail: impl AsRef<str>,
    ) {
        self.error(By::Rule(rule), address, path.clone(), summary, format!("{}{BUG}", detail.as_ref()));
    }

    /// What the provider said.
    ///
    /// A severity that the protocol does not know is dropped by Terraform without a word; here it is held against the
    /// provider, since nobody means it.
    pub(crate) fn said(&mut self, said: &[tf::Diagnostic], address: &str) {
        for one in said {
            let path = one.attribute.as_ref().map(Path::from_proto).unwrap_or_default();
            let diagnostic = Diagnostic {
                by: By::Provider,
                address: address.to_owned(),
                path: path.clone(),
                summary: one.summary.clone(),
                detail: one.detail.clone(),
            };
            match one.severity {
                1 => self.errors.push(diagnostic),
                2 => self.warnings.push(diagnostic),
                other => {
                    let detail =
                        format!("Terraform drops a diagnostic of severity {other} without a word: {}", one.summary);
                    self.error(
                        By::Rule(Rule::SilentSeverity),
                        address,
                        path,
                        "Provider said something nobody hears",
                        detail,
                    );
                }
            }
        }
    }

    /// Which rules were broken.
    #[must_use]
    pub fn rules(&self) -> Vec<Rule> {
        self.errors.iter().filter_map(Diagnostic::rule).collect()
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for error in &self.errors {
            writeln!(f, "Error: {error}")?;
        }
        for warning in &self.warnings {
            writeln!(f, "Warning: {warning}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

/// What each complaint about a provider ends with.
const BUG: &str = "\n\nThis is a bug in the provider, which should be reported in the provider's own issue tracker.";
