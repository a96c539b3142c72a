//! What a provider is.

use std::future::Future;
use std::path::PathBuf;

use crate::error::Error;
use crate::model::Object;
use crate::moved::Move;
use crate::notices::Notices;
use crate::registry::Registry;
use crate::stop::StopToken;

/// A provider: its configuration, the API made from it, and what it offers.
pub trait Provider: Send + Sync + 'static {
    /// The prefix of its types, as in `pve_vm`, and the end of its binary's name, `terraform-provider-pve`.
    const NAME: &'static str;

    /// Its configuration; derive `ProviderConfig`. The doc comment becomes the provider's page.
    type Config: Object;

    /// What the objects work with. One is made for each `provider` block and run.
    type Api: Send + Sync + 'static;

    /// Looks at a configuration without asking anybody; anything in it may be unknown.
    fn validate(config: &<Self::Config as Object>::Plan, say: &mut crate::plan::Say<Self::Config>) {
        let _ = (config, say);
    }

    /// Makes the API. Anything in the configuration may be unknown during a plan; an error is then not told until the
    /// API is needed: objects are planned by their schema alone, and refreshing keeps what the state says.
    fn configure(
        config: <Self::Config as Object>::Plan,
        start: Start,
    ) -> impl Future<Output = Result<Self::Api, Error>> + Send;

    /// What the API leads to, in a form that stays the same from run to run: a cluster's name. What a run that was cut off has
    /// begun elsewhere is nothing to this one. Asked for before the first write; an empty text when it cannot be told.
    fn scope(api: &Self::Api) -> impl Future<Output = String> + Send {
        let _ = api;
        async { String::new() }
    }

    /// What the configuration says of the way to what [`Provider::scope`] names, if that way can lead nowhere else: an entry of
    /// a former run that came by the same way is of the same scope, and nobody has to be asked. No credentials. `None` where
    /// the configuration alone does not tell.
    fn way(api: &Self::Api) -> Option<String> {
        let _ = api;
        None
    }

    /// The time by the API's own clock, in seconds since 1970, so that what it has done can be compared with when it was asked.
    /// This machine's clock unless the API tells.
    fn clock(api: &Self::Api) -> i64 {
        let _ = api;
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
    }

    /// Attributes by which lists of objects are narrowed down, wherever an object has one: texts, numbers, truth values, and
    /// collections of them, of which those are listed that hold all that is asked for.
    const FILTERS: &'static [&'static str] = &[];

    /// The types of other providers whose objects become objects of this one by a `moved` block.
    fn moves() -> &'static [Move] {
        &[]
    }

    /// What it offers.
    fn registry() -> Registry<Self::Api>;
}

/// What a provider is told beside its configuration.
#[derive(Clone, Debug)]
pub struct Start {
    /// Goes off at Ctrl-C, and when Terraform is gone.
    pub stop: StopToken,
    /// The version that Terraform or OpenTofu says it has: for a User-Agent, never for a decision (OpenTofu lies).
    pub terraform_version: String,
    /// Where Terraform keeps its own data for this configuration: `TF_DATA_DIR`, else `.terraform` in the working directory.
    /// It may not exist yet.
    pub data_dir: PathBuf,
    /// For warnings, now or later.
    pub notices: Notices,
}
