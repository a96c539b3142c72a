//! The services that go-plugin hosts expect beside the provider's own.

use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use tfplugin6::plugin::grpc_broker_server::{GrpcBroker, GrpcBrokerServer};
use tfplugin6::plugin::grpc_controller_server::{GrpcController, GrpcControllerServer};
use tfplugin6::plugin::grpc_stdio_server::{GrpcStdio, GrpcStdioServer};
use tfplugin6::plugin::{ConnInfo, Empty, StdioData};
use tokio::sync::Notify;
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status, Streaming};

/// Ends the process when Terraform is done with it.
pub(super) fn controller(shutdown: Arc<Notify>) -> GrpcControllerServer<impl GrpcController> {
    GrpcControllerServer::new(Controller { shutdown })
}

/// Would carry what the plugin prints. Nothing is printed, logs go to stderr directly, but hosts keep this call open,
/// and an open call keeps their connection from falling asleep.
pub(super) fn stdio() -> GrpcStdioServer<impl GrpcStdio> {
    GrpcStdioServer::new(Stdio)
}

/// Would open further connections. Providers need none; hosts open the stream all the same.
pub(super) fn broker() -> GrpcBrokerServer<impl GrpcBroker> {
    GrpcBrokerServer::new(Broker)
}

struct Controller {
    shutdown: Arc<Notify>,
}

#[tonic::async_trait]
impl GrpcController for Controller {
    async fn shutdown(&self, _: Request<Empty>) -> Result<Response<Empty>, Status> {
        self.shutdown.notify_one();
        Ok(Response::new(Empty {}))
    }
}

struct Stdio;

#[tonic::async_trait]
impl GrpcStdio for Stdio {
    async fn stream_stdio(&self, _: Request<()>) -> Result<Response<BoxStream<StdioData>>, Status> {
        Ok(Response::new(stream::pending().boxed()))
    }
}

struct Broker;

#[tonic::async_trait]
impl GrpcBroker for Broker {
    async fn start_stream(
        &self,
        request: Request<Streaming<ConnInfo>>,
    ) -> Result<Response<BoxStream<ConnInfo>>, Status> {
        // Open as long as the host's side is.
        let silent = request.into_inner().filter_map(|_| async { None });
        Ok(Response::new(silent.boxed()))
    }
}
