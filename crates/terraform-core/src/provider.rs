//! A provider that can be called: in this process, or behind a connection.

use std::sync::{Arc, Mutex, PoisonError};

use tfplugin6 as tf;
use tfplugin6::provider_client::ProviderClient;
use tfplugin6::provider_server::ProviderServer;
use tonic::body::Body;
use tonic::codegen::{Service, StdError, http};
use tonic::{Code, Response, Status};
use tower::ServiceExt;
use tower::util::BoxCloneSyncService;

use crate::diagnostics::{By, Diagnostics, Rule};
use crate::path::Path;

/// What Terraform's client takes.
const LARGEST_MESSAGE: usize = i32::MAX as usize;

type Wire = BoxCloneSyncService<http::Request<Body>, http::Response<Body>, Status>;

/// A provider. Calls go over the wire's own encoding wherever it is.
#[derive(Clone, Debug)]
pub struct Provider {
    client: ProviderClient<Wire>,
    calls: Calls,
}

impl Provider {
    /// A provider in this process, without any socket.
    pub fn in_process(provider: impl tf::provider_server::Provider) -> Self {
        Self::shared(Arc::new(provider))
    }

    /// The same, of which others hold a part, too.
    pub fn shared<P: tf::provider_server::Provider>(provider: Arc<P>) -> Self {
        let server = ProviderServer::from_arc(provider)
            .max_decoding_message_size(LARGEST_MESSAGE)
            .max_encoding_message_size(LARGEST_MESSAGE);
        Self::over(server)
    }

    /// A provider behind a connection, such as tonic's `Channel`.
    pub fn over<S>(connection: S) -> Self
    where
        S: Service<http::Request<Body>, Response = http::Response<Body>> + Clone + Send + Sync + 'static,
        S::Error: Into<StdError>,
        S::Future: Send + 'static,
    {
        let wire = BoxCloneSyncService::new(connection.map_err(|error| Status::from_error(error.into())));
        let client = ProviderClient::new(wire)
            .max_decoding_message_size(LARGEST_MESSAGE)
            .max_encoding_message_size(LARGEST_MESSAGE);
        Self { client, calls: Calls::default() }
    }

    /// What is called, now and later.
    pub(crate) fn calls(&self) -> Calls {
        self.calls.clone()
    }

    /// The client of a call that is made now.
    pub(crate) fn client(&self, rpc: &str) -> ProviderClient<Wire> {
        self.calls.0.lock().unwrap_or_else(PoisonError::into_inner).push(rpc.to_owned());
        self.client.clone()
    }
}

/// The names of what a process was asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Calls(Arc<Mutex<Vec<String>>>);

impl Calls {
    /// All so far, in order.
    pub(crate) fn told(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// An answer; or it is held against the provider that there is none.
pub(crate) fn answered<T>(
    rpc: &str,
    address: &str,
    answer: Result<Response<T>, Status>,
    diagnostics: &mut Diagnostics,
) -> Option<T> {
    let status = match answer {
        Ok(answer) => return Some(answer.into_inner()),
        Err(status) => status,
    };
    let method = format!("plugin6.(*GRPCProvider).{rpc}");
    let (rule, summary, detail) = match status.code() {
        Code::Unimplemented => (
            Rule::RpcNotOffered,
            "Unsupported plugin method",
            format!("The {method} method is not supported by this plugin."),
        ),
        Code::Unavailable => (
            Rule::RpcFailed,
            "Plugin did not respond",
            format!(
                "The plugin encountered an error, and failed to respond to the {method} call. The plugin logs may contain more details."
            ),
        ),
        Code::Cancelled => (Rule::RpcFailed, "Request cancelled", format!("The {method} request was cancelled.")),
        code => (
            Rule::RpcFailed,
            "Plugin error",
            format!(
                "The plugin returned an unexpected error from {method}: rpc error: code = {code:?} desc = {}",
                status.message()
            ),
        ),
    };
    diagnostics.error(By::Rule(rule), address, Path::ROOT, summary, detail);
    None
}

/// Makes a call: `call!(provider, diagnostics, address, "ReadResource", read_resource(request))`.
macro_rules! call {
    ($provider:expr, $diagnostics:expr, $address:expr, $rpc:literal, $method:ident($request:expr)) => {{
        let answer = $provider.client($rpc).$method($request).await;
        $crate::provider::answered($rpc, $address, answer, $diagnostics)
    }};
}
pub(crate) use call;
