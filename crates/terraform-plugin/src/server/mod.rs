//! Terraform's questions and a provider's answers: one file an RPC.
//!
//! What holds for all of them: faults of the user or the API are diagnostics, never gRPC errors; panics are caught; a
//! reply always says what the state is, and carries private data and identity along.

mod actions;
mod apply;
mod configure;
mod ephemeral;
mod functions;
mod generate;
mod guard;
mod identity_schemas;
mod import;
mod list;
mod metadata;
mod move_state;
mod plan;
mod provider_schema;
mod read;
mod read_data;
mod stop;
mod upgrade_identity;
mod upgrade_state;
mod validate;
mod wire;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status};

use crate::cx::Cx;
use crate::diagnostics::Diagnostics;
use crate::error::Error;
use crate::held::Held;
use crate::journal::Journal;
use crate::model::Operation;
use crate::notices::Notices;
use crate::provider::Provider;
use crate::registry::{AnyAction, AnyDataSource, AnyEphemeral, AnyResource, Attributes, ObjectInfo, Registry};
use crate::stop::StopToken;

pub(crate) use generate::configured;
pub(crate) use list::{Asked, list_schema, short};

/// The gRPC service of a provider. Cheap to clone; clones are the same provider.
pub struct Server<P: Provider>(Arc<Inner<P>>);

struct Inner<P: Provider> {
    registry: Registry<P::Api>,
    config: ObjectInfo,
    /// Goes off when the process is to end.
    process: StopToken,
    session: RwLock<Session<P::Api>>,
    /// What has been told once and is not told of every object: what is unreachable, and what lasts.
    told: Mutex<BTreeSet<String>>,
    /// What the state holds, as far as this process has seen it.
    held: Arc<Held>,
    data_dir: PathBuf,
    schema: provider_schema::Answer,
    strict: bool,
}

/// What one `ConfigureProvider` begins. In debug mode one process sees several.
struct Session<A> {
    /// Goes off at `StopProvider`.
    stop: StopToken,
    api: ApiState<A>,
    notices: Notices,
}

enum ApiState<A> {
    /// `ConfigureProvider` has not been called.
    Unconfigured,
    /// It could not be made from a configuration with unknown parts; the next phase will know more.
    Waiting(Error),
    Ready(Arc<A>, Arc<Journal>),
}

/// The API, the journal, and the signal to stop.
type AtHand<A> = (Arc<A>, Arc<Journal>, StopToken);

impl<P: Provider> Clone for Server<P> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<P: Provider> std::fmt::Debug for Server<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Server").field(&P::NAME).finish()
    }
}

/// Whether a result that contradicts its plan is an error. Terraform marks such an object as tainted, so this is for
/// developers and tests: it is the default of debug builds, and `TERRAFORM_PLUGIN_STRICT` (0 or 1) overrides it.
fn strict_by_default() -> bool {
    match std::env::var("TERRAFORM_PLUGIN_STRICT").as_deref() {
        Ok("0") => false,
        Ok("1") => true,
        _ => cfg!(debug_assertions),
    }
}

/// Where Terraform keeps its own data. It starts providers in its working directory, also with `-chdir`.
fn data_dir() -> PathBuf {
    let named = std::env::var_os("TF_DATA_DIR").filter(|name| !name.is_empty());
    named.map_or_else(|| PathBuf::from(".terraform"), PathBuf::from)
}

impl<P: Provider> Server<P> {
    /// The service. `process` goes off when the process is to end.
    pub fn new(process: StopToken) -> Self {
        Self::beside(process, data_dir())
    }

    /// The same where Terraform's data lie elsewhere than this process would look for them: for providers that run inside
    /// another program.
    pub fn beside(process: StopToken, data_dir: PathBuf) -> Self {
        Self::with(process, strict_by_default(), data_dir)
    }

    fn with(process: StopToken, strict: bool, data_dir: PathBuf) -> Self {
        let session = Session { stop: process.child(), api: ApiState::Unconfigured, notices: Notices::default() };
        Self(Arc::new(Inner {
            registry: P::registry(),
            config: ObjectInfo::of_provider::<P::Config>(),
            process,
            session: RwLock::new(session),
            told: Mutex::default(),
            held: Arc::default(),
            data_dir,
            schema: provider_schema::Answer::default(),
            strict,
        }))
    }

    /// An object's name without the provider's prefix.
    fn short(type_name: &str) -> Option<&str> {
        type_name.strip_prefix(P::NAME)?.strip_prefix('_')
    }

    /// An object's name with the provider's prefix.
    fn full(name: &str) -> String {
        format!("{}_{name}", P::NAME)
    }

    pub(crate) fn resource(&self, type_name: &str) -> Result<Arc<dyn AnyResource<P::Api>>, Error> {
        let found = Self::short(type_name).and_then(|name| self.0.registry.resources.get(name));
        found.cloned().ok_or_else(|| unknown_type("resource", type_name))
    }

    /// Configures it without Terraform. What is not said is null.
    pub(crate) async fn configured_with(&self, mut config: Attributes) -> Diagnostics {
        let info = &self.0.config;
        let mut whole = wire::blank(info);
        whole.append(&mut config);
        let config = match wire::encode_object(whole, info) {
            Ok(config) => Some(config),
            Err(error) => return error.into_diagnostics(),
        };
        self.try_configured(tfplugin6::configure_provider::Request { config, ..Default::default() }).await
    }

    /// The API alone.
    pub(crate) fn at_hand(&self) -> Result<Arc<P::Api>, Error> {
        self.api().map(|(api, ..)| api)
    }

    /// The types that can be listed, and the chapter of each.
    pub(crate) fn listed_types(&self) -> Vec<(String, &'static str)> {
        let registry = &self.0.registry;
        let area = |name: &&'static str| registry.resources.get(*name).map_or("", |object| object.info().area);
        registry.lists.keys().map(|name| (Self::full(name), area(name))).collect()
    }

    fn data_source(&self, type_name: &str) -> Result<Arc<dyn AnyDataSource<P::Api>>, Error> {
        let found = Self::short(type_name).and_then(|name| self.0.registry.data_sources.get(name));
        found.cloned().ok_or_else(|| unknown_type("data source", type_name))
    }

    fn action(&self, type_name: &str) -> Result<Arc<dyn AnyAction<P::Api>>, Error> {
        let found = Self::short(type_name).and_then(|name| self.0.registry.actions.get(name));
        found.cloned().ok_or_else(|| unknown_type("action", type_name))
    }

    fn ephemeral(&self, type_name: &str) -> Result<Arc<dyn AnyEphemeral<P::Api>>, Error> {
        let found = Self::short(type_name).and_then(|name| self.0.registry.ephemeral.get(name));
        found.cloned().ok_or_else(|| unknown_type("ephemeral resource", type_name))
    }

    /// The API, the journal and the signal to stop, or why there is no API (yet).
    fn api(&self) -> Result<AtHand<P::Api>, Error> {
        // Nothing that could panic is done while it is locked for writing.
        let session = self.0.session.read().unwrap_or_else(PoisonError::into_inner);
        match &session.api {
            ApiState::Ready(api, journal) => Ok((Arc::clone(api), Arc::clone(journal), session.stop.clone())),
            ApiState::Waiting(error) => Err(error.clone()),
            ApiState::Unconfigured => Err(Error::new(
                "The provider is not configured",
                "Terraform asks for something that needs the API, and has not configured the provider before.",
            )),
        }
    }

    /// Whether an error says something new. One that lasts, or is so everywhere, every object would repeat, in other words for
    /// what it was doing.
    fn is_news(&self, error: &Error) -> bool {
        let details =
            |error: &Error| error.diagnostics().iter().map(|d| d.detail.clone()).collect::<Vec<_>>().join("\n");
        let repeats = error.is_lasting() || error.is_everywhere();
        !repeats || self.0.told.lock().unwrap_or_else(PoisonError::into_inner).insert(details(error))
    }

    /// The state holds this object.
    async fn see(&self, object: &dyn AnyResource<P::Api>, attributes: &Attributes) {
        let (name, place) = (object.info().name, object.place(attributes));
        if let (Some(place), Ok((_, journal, _))) = (&place, self.api()) {
            journal.arrived(name, place).await;
        }
        self.0.held.see(name, place, attributes);
    }

    /// What an operation on an object has at hand. `attributes` may say how long it may take.
    fn cx(
        &self,
        object: &ObjectInfo,
        operation: Operation,
        attributes: Option<&Attributes>,
    ) -> Result<Cx<P::Api>, Error> {
        let (api, journal, stop) = self.api()?;
        let notices = self.0.session.read().unwrap_or_else(PoisonError::into_inner).notices.clone();
        let cx = Cx::new(api, stop, object.timeout(operation, attributes));
        Ok(cx.with_held(Arc::clone(&self.0.held)).with_journal(journal).with_notices(notices))
    }
}

fn unknown_type(what: &str, type_name: &str) -> Error {
    Error::new(format!("There is no {what} {type_name}"), "This version of the provider does not offer it.")
}

/// The calls of the protocol, each answered in the file of its name.
macro_rules! answer {
    (once: $($rpc:ident($module:ident) => $method:ident),*; streams: $($stream:ident($streams:ident) => $begin:ident),*;) => {
        #[tonic::async_trait]
        impl<P: Provider> tfplugin6::provider_server::Provider for Server<P> {$(
            async fn $rpc(
                &self,
                request: Request<tfplugin6::$module::Request>,
            ) -> Result<Response<tfplugin6::$module::Response>, Status> {
                Ok(Response::new(self.$method(request.into_inner()).await))
            }
        )*$(
            async fn $stream(
                &self,
                request: Request<tfplugin6::$streams::Request>,
            ) -> Result<Response<BoxStream<tfplugin6::$streams::Event>>, Status> {
                Ok(Response::new(self.$begin(request.into_inner())))
            }
        )*}
    };
}

answer! {
    once:
    get_metadata(get_metadata) => metadata,
    get_provider_schema(get_provider_schema) => provider_schema,
    get_resource_identity_schemas(get_resource_identity_schemas) => identity_schemas,
    get_functions(get_functions) => functions,
    validate_provider_config(validate_provider_config) => validate_provider,
    validate_resource_config(validate_resource_config) => validate_resource,
    validate_data_resource_config(validate_data_resource_config) => validate_data,
    configure_provider(configure_provider) => configure,
    stop_provider(stop_provider) => stop,
    upgrade_resource_state(upgrade_resource_state) => upgrade_state,
    upgrade_resource_identity(upgrade_resource_identity) => upgrade_identity,
    read_resource(read_resource) => read,
    plan_resource_change(plan_resource_change) => plan,
    apply_resource_change(apply_resource_change) => apply,
    import_resource_state(import_resource_state) => import,
    move_resource_state(move_resource_state) => move_state,
    read_data_source(read_data_source) => read_data,
    call_function(call_function) => call_function,
    validate_action_config(validate_action_config) => validate_action,
    plan_action(plan_action) => plan_action,
    validate_ephemeral_resource_config(validate_ephemeral_resource_config) => validate_ephemeral,
    open_ephemeral_resource(open_ephemeral_resource) => open_ephemeral,
    renew_ephemeral_resource(renew_ephemeral_resource) => renew_ephemeral,
    close_ephemeral_resource(close_ephemeral_resource) => close_ephemeral,
    validate_list_resource_config(validate_list_resource_config) => validate_list,
    generate_resource_config(generate_resource_config) => generate;
    streams:
    invoke_action(invoke_action) => invoke_action,
    list_resource(list_resource) => list;
}

#[cfg(test)]
mod tests;
