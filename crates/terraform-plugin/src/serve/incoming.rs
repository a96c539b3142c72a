//! Accepting connections, and knowing how many there are.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use std::{future, io};

use futures_util::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, watch};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;
use tonic::transport::server::Connected;

/// A peer that has not finished its TLS handshake by then is not one.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);

/// How many connections there are, and have been.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Count {
    /// Open now.
    pub(super) open: usize,
    /// Opened since the start.
    pub(super) ever: usize,
}

/// The connections, ready to speak gRPC, as they come in.
#[derive(Debug)]
pub(super) struct Incoming(mpsc::Receiver<Connection>);

impl Incoming {
    /// Starts to accept. TLS handshakes run beside each other, so that a stuck peer keeps nobody waiting.
    pub(super) fn accept(listener: UnixListener, tls: Option<TlsAcceptor>) -> (Self, watch::Receiver<Count>) {
        let (ready, incoming) = mpsc::channel(16);
        let (count, counted) = watch::channel(Count::default());
        tokio::spawn(accept(listener, tls, ready, Arc::new(count)));
        (Self(incoming), counted)
    }
}

async fn accept(
    listener: UnixListener,
    tls: Option<TlsAcceptor>,
    ready: mpsc::Sender<Connection>,
    count: Arc<watch::Sender<Count>>,
) {
    loop {
        let stream = tokio::select! {
            () = ready.closed() => return,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    // Out of file descriptors, most likely: does not end by asking again at once.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        let (ready, count) = (ready.clone(), count.clone());
        let Some(tls) = tls.clone() else {
            let _ = ready.send(Connection::new(Either::Left(stream), count)).await;
            continue;
        };
        tokio::spawn(async move {
            match tokio::time::timeout(HANDSHAKE_LIMIT, tls.accept(stream)).await {
                Ok(Ok(stream)) => {
                    let _ = ready.send(Connection::new(Either::Right(Box::new(stream)), count)).await;
                }
                Ok(Err(error)) => tracing::warn!(%error, "a connection was refused: TLS handshake failed"),
                Err(_) => tracing::warn!("a connection was refused: no TLS handshake came"),
            }
        });
    }
}

impl Stream for Incoming {
    type Item = io::Result<Connection>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(cx).map(|connection| connection.map(Ok))
    }
}

/// One connection, counted as long as it lives.
#[derive(Debug)]
pub(super) struct Connection {
    stream: Either<UnixStream, Box<TlsStream<UnixStream>>>,
    count: Arc<watch::Sender<Count>>,
}

impl Connection {
    fn new(stream: Either<UnixStream, Box<TlsStream<UnixStream>>>, count: Arc<watch::Sender<Count>>) -> Self {
        count.send_modify(|count| {
            count.open += 1;
            count.ever += 1;
        });
        Self { stream, count }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.count.send_modify(|count| count.open -= 1);
    }
}

impl Connected for Connection {
    type ConnectInfo = ();

    fn connect_info(&self) -> Self::ConnectInfo {}
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// Waits until the count is as wanted; for ever, when no connection can come any more.
pub(super) async fn until(connections: &mut watch::Receiver<Count>, wanted: impl FnMut(&Count) -> bool) {
    if connections.wait_for(wanted).await.is_err() {
        future::pending::<()>().await;
    }
}
