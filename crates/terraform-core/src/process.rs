//! A provider that can be killed, as a process can.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tfplugin6::provider_server::{self, ProviderServer};
use tokio::runtime::{Builder, Handle, Runtime};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::{Service, StdError, http};
use tower::ServiceExt;

use crate::provider::Provider;

/// What is in the middle of something that does not wait has so long to come to a place where it does.
const PATIENCE: Duration = Duration::from_secs(10);

/// A runtime of its own for a provider: all that it has begun ends with it, wherever it is.
#[derive(Debug)]
pub struct Process(Mutex<Option<Runtime>>);

impl Process {
    /// Starts a provider.
    ///
    /// # Errors
    ///
    /// No thread is to be had.
    pub fn start(provider: impl provider_server::Provider) -> io::Result<(Provider, Self)> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let within = Within { service: ProviderServer::new(provider), runtime: runtime.handle().clone() };
        Ok((Provider::over(within), Self(Mutex::new(Some(runtime)))))
    }

    /// Kills it: nothing of it runs any more when this returns, and every call is answered as where nobody listens.
    pub async fn kill(&self) {
        if let Some(runtime) = self.take() {
            // A panic in there is its own; it is over either way.
            let _ = tokio::task::spawn_blocking(move || runtime.shutdown_timeout(PATIENCE)).await;
        }
    }

    fn take(&self) -> Option<Runtime> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(runtime) = self.take() {
            runtime.shutdown_background();
        }
    }
}

/// A service whose calls are answered within a runtime.
#[derive(Clone)]
struct Within<S> {
    service: S,
    runtime: Handle,
}

impl<S> Service<http::Request<Body>> for Within<S>
where
    S: Service<http::Request<Body>, Response = http::Response<Body>> + Clone + Send + 'static,
    S::Error: Into<StdError> + Send,
    S::Future: Send,
{
    type Response = http::Response<Body>;
    type Error = Status;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Status>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let service = self.service.clone();
        let work = self.runtime.spawn(service.oneshot(request));
        Box::pin(async move {
            match work.await {
                Ok(answer) => answer.map_err(|error| Status::from_error(error.into())),
                Err(_) => Err(Status::unavailable("the process has ended")),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tfplugin6 as tf;

    struct Slow;

    #[tonic::async_trait]
    impl provider_server::Provider for Slow {
        async fn stop_provider(
            &self,
            _: tonic::Request<tf::stop_provider::Request>,
        ) -> Result<tonic::Response<tf::stop_provider::Response>, Status> {
            std::future::pending().await
        }
    }

    #[tokio::test]
    async fn whoever_waits_for_one_that_is_killed_learns_it_and_so_does_whoever_comes_later() {
        let (provider, process) = Process::start(Slow).unwrap();
        let ask = async || {
            let request = tf::stop_provider::Request::default();
            provider.client("StopProvider").stop_provider(request).await.unwrap_err().code()
        };
        let kill = async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            process.kill().await;
        };
        let (told, ()) = tokio::join!(ask(), kill);
        assert_eq!((told, ask().await), (tonic::Code::Unavailable, tonic::Code::Unavailable));
    }
}
