//! Terraform's commands.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::config::{Config, Expr};
use crate::diagnostics::Diagnostics;
use crate::plan::{Applied, Plan};
use crate::provider::{Calls, Provider};
use crate::schemas::Schemas;
use crate::state::State;
use crate::value::Value;
use crate::walk::{self, CallError, Invoked};

/// Terraform, with one provider and a state.
///
/// Each command starts the provider anew, as Terraform does; what a process knew is forgotten with it.
pub struct Core {
    launch: Box<dyn Fn() -> Provider + Send + Sync>,
    /// What each process was asked. The process itself ends with its command.
    processes: Mutex<Vec<Calls>>,
    /// The one process, where there is only one.
    kept: Mutex<Option<Provider>>,
    pub(crate) address: String,
    pub(crate) provider_config: Expr,
    pub(crate) schemas: Arc<Schemas>,
    /// What is kept from one command to the next.
    pub state: State,
    /// As Terraform 1.16, which speaks 6.11: blocks may be computed, and the second plan of a replacement is told what the
    /// first one kept for itself.
    pub speaks_6_11: bool,
}

impl fmt::Debug for Core {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Core").field("address", &self.address).field("state", &self.state).finish_non_exhaustive()
    }
}

/// What is asked of a plan.
#[derive(Clone, Debug)]
pub struct PlanOptions {
    /// Whether the objects are read first.
    pub refresh: bool,
    /// Whether they are only read.
    pub refresh_only: bool,
    /// Whether everything is to go.
    pub destroy: bool,
    /// Instances to be made anew, whatever the provider thinks.
    pub replace: Vec<String>,
}

impl Default for PlanOptions {
    fn default() -> Self {
        Self { refresh: true, refresh_only: false, destroy: false, replace: Vec::new() }
    }
}

impl Core {
    /// Terraform with a provider that `launch` starts, and what stands in the provider's block.
    ///
    /// # Errors
    ///
    /// Schemas that Terraform does not take.
    pub async fn new(
        launch: impl Fn() -> Provider + Send + Sync + 'static,
        provider: impl Into<Expr>,
    ) -> Result<Self, Diagnostics> {
        let first = launch();
        let schemas = Schemas::of(&first).await?;
        Ok(Self {
            launch: Box::new(launch),
            processes: Mutex::new(vec![first.calls()]),
            kept: Mutex::default(),
            address: "registry.terraform.io/test/test".to_owned(),
            provider_config: provider.into(),
            schemas: Arc::new(schemas),
            state: State::default(),
            speaks_6_11: false,
        })
    }

    /// Under another address, which complaints name.
    #[must_use]
    pub fn named(mut self, address: &str) -> Self {
        address.clone_into(&mut self.address);
        self
    }

    /// With another provider block from now on.
    pub fn configure(&mut self, provider: impl Into<Expr>) {
        self.provider_config = provider.into();
    }

    /// What the provider says of itself.
    #[must_use]
    pub fn schemas(&self) -> &Schemas {
        &self.schemas
    }

    /// What was called since the last time, for each process that was started since.
    #[must_use]
    pub fn take_calls(&self) -> Vec<Vec<String>> {
        let processes = std::mem::take(&mut *self.processes.lock().unwrap_or_else(PoisonError::into_inner));
        processes.iter().map(Calls::told).collect()
    }

    /// Whether one process serves every command from now on, as it does for a debugger.
    pub fn keep_one_process(&mut self, one: bool) {
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = one.then(|| (self.launch)());
    }

    /// A process of the provider.
    pub(crate) fn process(&self) -> Provider {
        if let Some(kept) = &*self.kept.lock().unwrap_or_else(PoisonError::into_inner) {
            return kept.clone();
        }
        let provider = (self.launch)();
        self.processes.lock().unwrap_or_else(PoisonError::into_inner).push(provider.calls());
        provider
    }

    /// `terraform validate`.
    ///
    /// # Errors
    ///
    /// What is wrong with the configuration.
    pub async fn validate(&self, config: &Config) -> Result<Diagnostics, Diagnostics> {
        let said = walk::validate(self, config).await;
        if said.failed() { Err(said) } else { Ok(said) }
    }

    /// `terraform plan`.
    ///
    /// # Errors
    ///
    /// What stands in the way of it.
    pub async fn plan(&self, config: &Config) -> Result<Plan, Diagnostics> {
        self.plan_with(config, &PlanOptions::default()).await
    }

    /// `terraform plan` with options.
    ///
    /// # Errors
    ///
    /// What stands in the way of it.
    pub async fn plan_with(&self, config: &Config, options: &PlanOptions) -> Result<Plan, Diagnostics> {
        walk::plan(self, config, options).await
    }

    /// `terraform apply PLAN`. The state holds what was reached, whatever happened.
    ///
    /// # Errors
    ///
    /// What failed of it; the rest is done.
    pub async fn apply_plan(&mut self, plan: Plan) -> Result<Applied, Diagnostics> {
        let (state, applied) = walk::apply(self, plan).await;
        self.state = state;
        applied
    }

    /// `terraform apply`.
    ///
    /// # Errors
    ///
    /// What stands in the way of the plan, or failed of it.
    pub async fn apply(&mut self, config: &Config) -> Result<Applied, Diagnostics> {
        let plan = self.plan(config).await?;
        self.apply_plan(plan).await
    }

    /// `terraform destroy`.
    ///
    /// # Errors
    ///
    /// What stands in the way of the plan, or failed of it.
    pub async fn destroy(&mut self, config: &Config) -> Result<Applied, Diagnostics> {
        let plan = self.plan_with(config, &PlanOptions { destroy: true, ..PlanOptions::default() }).await?;
        self.apply_plan(plan).await
    }

    /// `terraform refresh`: what is kept is what is there.
    ///
    /// # Errors
    ///
    /// What cannot be read.
    pub async fn refresh(&mut self) -> Result<Diagnostics, Diagnostics> {
        let options = PlanOptions { refresh_only: true, ..PlanOptions::default() };
        let plan = self.plan_with(&Config::new(), &options).await?;
        self.state = plan.refreshed;
        Ok(Diagnostics { errors: Vec::new(), warnings: plan.warnings })
    }

    /// `terraform import`.
    ///
    /// # Errors
    ///
    /// What stands in the way.
    pub async fn import(&mut self, address: &str, id: &str) -> Result<Diagnostics, Diagnostics> {
        let (state, said) = walk::import(self, address, id).await;
        self.state = state;
        if said.failed() { Err(said) } else { Ok(said) }
    }

    /// `provider::NAME::FUNCTION(...)`, where it stands in a configuration.
    ///
    /// # Errors
    ///
    /// Why there is no value.
    pub async fn call(&self, function: &str, arguments: &[Value]) -> Result<Value, CallError> {
        walk::call_function(self, function, arguments).await
    }

    /// `terraform apply -invoke=`: what an action of that type does with this in its `config`.
    pub async fn invoke(&self, action: &str, config: impl Into<Value>) -> Invoked {
        walk::invoke(self, action, &config.into(), |_| false).await
    }

    /// The same, and Ctrl-C after the first line for which `enough` is true.
    pub async fn invoke_until(
        &self,
        action: &str,
        config: impl Into<Value>,
        enough: impl FnMut(&str) -> bool,
    ) -> Invoked {
        walk::invoke(self, action, &config.into(), enough).await
    }

    /// An ephemeral resource of that type, opened, renewed so often, and closed: what it was, and what was said.
    ///
    /// # Errors
    ///
    /// What it said when it failed, and what is held against it.
    pub async fn open(
        &self,
        ephemeral: &str,
        config: impl Into<Value>,
        renewals: usize,
    ) -> Result<(Value, Diagnostics), Diagnostics> {
        let (value, said) = walk::open(self, ephemeral, &config.into(), renewals).await?;
        if said.failed() { Err(said) } else { Ok((value, said)) }
    }

    /// `terraform query` with one `list` block, of which `config` is what stands in its `config`; with what was warned of.
    ///
    /// # Errors
    ///
    /// What stands in the way, and what is held against the list.
    pub async fn query(
        &self,
        ty: &str,
        config: impl Into<Expr>,
        asked: &walk::Query,
    ) -> Result<(Vec<walk::Found>, Diagnostics), Diagnostics> {
        walk::query(self, ty, &config.into(), asked).await
    }

    /// `terraform taint`: the next plan replaces it.
    pub fn taint(&mut self, address: &str) {
        if let Some(instance) = self.state.instances.get_mut(&address.into()) {
            instance.tainted = true;
        }
    }
}
