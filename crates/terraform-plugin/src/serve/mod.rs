//! From `main` to a provider that Terraform talks to, and to the end of the process.
//!
//! Terraform starts a plugin as a child process, several times in each command, and expects on its stdout one line that
//! says where to connect; everything after that is gRPC over a unix socket with mutual TLS. [`serve`] does all of it for
//! any implementation of the protocol's `Provider` service.

mod handshake;
mod health;
mod helpers;
mod incoming;
mod lifetime;
mod logging;
mod panics;
mod reattach;
mod socket;
mod start;
mod tls;

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use tfplugin6::provider_server::{Provider, ProviderServer};
use tokio::sync::Notify;
use tonic::transport::server::Router;

use crate::stop::StopToken;
use handshake::Transport;
use incoming::Incoming;
use lifetime::{Ending, Patience, Signals};
use socket::Socket;
use start::{Environment, Start};

/// Largest message in either direction, in bytes: 256 MiB, as in the Go SDK. tonic's own limit is 4 MiB.
pub const MESSAGE_LIMIT: usize = 256 << 20;

/// Who is being served.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Name of the binary: `terraform-provider-acme`.
    pub name: &'static str,
    /// Version of the provider: `1.2.3`.
    pub version: &'static str,
    /// Full source address: `registry.terraform.io/acme/acme`. Debug mode tells Terraform to attach to this, and OpenTofu
    /// to the same in its own registry.
    pub address: &'static str,
}

/// Serves one provider until Terraform is done with it. The return value of `main`.
///
/// `provider` is called once, before the first connection, with the token that goes off when Terraform is found to be
/// gone; the provider itself stops it (or children of it) when it is told to by `StopProvider`. Nothing in it may be
/// slow: Terraform starts a process three to five times in each command and waits for it.
///
/// Started with `--debug`, it serves without TLS any number of Terraform runs until Ctrl-C, and prints the value of
/// `TF_REATTACH_PROVIDERS` that makes Terraform use it. Started by hand without that, it says what it is and fails.
pub fn serve<P: Provider>(options: Options, provider: impl FnOnce(StopToken) -> P) -> ExitCode {
    let environment = Environment::of_process();
    let mode = match start::how(std::env::args_os().skip(1), &environment) {
        Start::Plugin => Mode::Plugin,
        Start::Debug => Mode::Debug,
        Start::Version => return say(std::io::stdout(), &start::version(&options), ExitCode::SUCCESS),
        Start::ByHand => return say(std::io::stderr(), &start::introduction(&options), ExitCode::FAILURE),
    };
    panics::install();
    logging::install(&environment, mode);
    match run(&options, &environment, mode, provider) {
        Ok(ending) => {
            tracing::debug!(?ending, "leaving");
            ExitCode::SUCCESS
        }
        // The host shows the first lines of stderr when there was no handshake.
        Err(error) => say(std::io::stderr(), &format!("{}: {error}\n", options.name), ExitCode::FAILURE),
    }
}

/// For whom the process was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// By Terraform, for one walk.
    Plugin,
    /// By a developer, for any number of runs.
    Debug,
}

/// What kept a plugin from serving.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("cannot open a socket for Terraform in {directory}: {source}")]
    Socket { directory: String, source: std::io::Error },
    #[error("cannot set up mutual TLS with Terraform: {0}")]
    Tls(#[from] tls::Error),
    #[error("cannot tell Terraform where to connect: {0}")]
    Handshake(std::io::Error),
    #[error("cannot start serving: {0}")]
    Runtime(std::io::Error),
    #[error("serving ended: {0}")]
    Server(#[from] tonic::transport::Error),
}

/// Everything between the decision to serve and the end of serving. The line goes out as late as it must (the socket
/// accepts, Ctrl-C is ignored) and as early as it can.
fn run<P: Provider>(
    options: &Options,
    environment: &Environment,
    mode: Mode,
    provider: impl FnOnce(StopToken) -> P,
) -> Result<Ending, Error> {
    let socket = Socket::open(environment)?;
    let identity = match (mode, &environment.client_certificate) {
        (Mode::Plugin, Some(pem)) => Some(tls::Identity::for_client(pem)?),
        _ => None,
    };
    let workers = std::thread::available_parallelism().map_or(2, |n| n.get().clamp(2, 4));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build()
        .map_err(Error::Runtime)?;

    let ending = runtime.block_on(async {
        let signals = Signals::install().map_err(Error::Runtime)?;
        let announcement = match mode {
            Mode::Plugin => {
                let certificate = identity.as_ref().map(tls::Identity::certificate);
                let transport = if environment.multiplex { Transport::NotMultiplexed } else { Transport::Plain };
                handshake::line(socket.path(), certificate, transport)
            }
            Mode::Debug => reattach::announcement(options, socket.path(), std::process::id()),
        };
        announce(&announcement).map_err(Error::Handshake)?;

        let stop = StopToken::new();
        let shutdown = Arc::new(Notify::new());
        let router = router(provider(stop.clone()), shutdown.clone());
        let (incoming, connections) =
            Incoming::accept(socket.listener().map_err(Error::Runtime)?, identity.map(tls::Identity::into_acceptor));
        tokio::select! {
            served = router.serve_with_incoming(incoming) => served.map(|()| Ending::Closed).map_err(Error::from),
            ending = lifetime::end(mode, signals, &shutdown, connections, &stop, Patience::default()) => Ok(ending),
        }
    });
    // What still runs belongs to nobody any more; the process does not wait for it.
    runtime.shutdown_background();
    ending
}

/// All services that a host expects, with the limits of the protocol.
fn router<P: Provider>(provider: P, shutdown: Arc<Notify>) -> Router {
    tonic::transport::Server::builder()
        .initial_stream_window_size(4 << 20)
        .initial_connection_window_size(16 << 20)
        .add_service(
            ProviderServer::new(provider)
                .max_decoding_message_size(MESSAGE_LIMIT)
                .max_encoding_message_size(MESSAGE_LIMIT),
        )
        .add_service(helpers::controller(shutdown))
        .add_service(helpers::stdio())
        .add_service(helpers::broker())
        .add_service(health::service())
}

fn announce(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

fn say(mut to: impl std::io::Write, text: &str, code: ExitCode) -> ExitCode {
    // Nobody is left to tell when this fails.
    let _ = to.write_all(text.as_bytes());
    code
}
