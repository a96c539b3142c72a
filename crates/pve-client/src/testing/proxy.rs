//! Proxies on loopback. Wherever they are asked to connect to, they connect to the one server they know.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

/// How a proxy is spoken to, and what it does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    Http,
    /// Answers each CONNECT with this status.
    Refusing(u16),
    Socks,
    /// Allows nothing.
    SocksRefusing,
    /// Wants `user` and `hidden`.
    HttpWithPassword,
    SocksWithPassword,
}

/// A proxy, for as long as the test's runtime lives.
#[derive(Clone)]
pub(crate) struct Proxy {
    pub(crate) kind: Kind,
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    pub(crate) async fn new(kind: Kind, server: SocketAddr) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Proxy { kind, address: listener.local_addr().unwrap(), asked: Arc::default() };
        let serving = proxy.clone();
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let proxy = serving.clone();
                tokio::spawn(async move {
                    // Whoever is refused hangs up in the middle.
                    let _ = proxy.serve(tcp, server).await;
                });
            }
        });
        proxy
    }

    /// What stands in HTTPS_PROXY.
    pub(crate) fn url(&self) -> String {
        let user = match self.kind {
            Kind::HttpWithPassword | Kind::SocksWithPassword => "user:hidden@",
            _ => "",
        };
        self.shown().replace("://", &format!("://{user}"))
    }

    /// The same without a password.
    pub(crate) fn shown(&self) -> String {
        let scheme = match self.kind {
            Kind::Http | Kind::Refusing(_) | Kind::HttpWithPassword => "http",
            Kind::Socks | Kind::SocksRefusing | Kind::SocksWithPassword => "socks5h",
        };
        format!("{scheme}://{}", self.address)
    }

    /// `HOST:PORT` of each connection that was asked for.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    async fn serve(&self, mut tcp: TcpStream, server: SocketAddr) -> std::io::Result<()> {
        match self.kind {
            Kind::Http | Kind::Refusing(_) | Kind::HttpWithPassword => self.http(&mut tcp).await?,
            Kind::Socks | Kind::SocksRefusing | Kind::SocksWithPassword => self.socks(&mut tcp).await?,
        }
        let mut to = TcpStream::connect(server).await?;
        copy_bidirectional(&mut tcp, &mut to).await.map(drop)
    }

    async fn http(&self, tcp: &mut TcpStream) -> std::io::Result<()> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(tcp.read_u8().await?);
        }
        let head = String::from_utf8(head).unwrap();
        let target = head.strip_prefix("CONNECT ").and_then(|rest| rest.split_once(" HTTP/1.1")).unwrap().0;
        self.asked.lock().unwrap().push(target.to_owned());
        // `user:hidden`
        let known = head.to_lowercase().contains("proxy-authorization: basic dxnlcjpoawrkzw4=");
        let status = match self.kind {
            Kind::Refusing(status) => status,
            Kind::HttpWithPassword if !known => 407,
            _ => 200,
        };
        tcp.write_all(format!("HTTP/1.1 {status} x\r\n\r\n").as_bytes()).await?;
        if status == 200 { Ok(()) } else { Err(std::io::ErrorKind::PermissionDenied.into()) }
    }

    async fn socks(&self, tcp: &mut TcpStream) -> std::io::Result<()> {
        let (version, methods) = (tcp.read_u8().await?, tcp.read_u8().await?);
        let mut offered = vec![0; methods.into()];
        tcp.read_exact(&mut offered).await?;
        let method = if self.kind == Kind::SocksWithPassword { 2 } else { 0 };
        assert!(version == 5 && offered.contains(&method), "{version} {offered:?}");
        tcp.write_all(&[5, method]).await?;
        if method == 2 {
            let mut login = [0; 13];
            tcp.read_exact(&mut login).await?;
            assert_eq!(&login, b"\x01\x04user\x06hidden");
            tcp.write_all(&[1, 0]).await?;
        }
        let mut head = [0; 4];
        tcp.read_exact(&mut head).await?;
        // A name, and nobody here has looked it up.
        assert_eq!(head, [5, 1, 0, 3]);
        let mut name = vec![0; tcp.read_u8().await?.into()];
        tcp.read_exact(&mut name).await?;
        let target = format!("{}:{}", String::from_utf8(name).unwrap(), tcp.read_u16().await?);
        self.asked.lock().unwrap().push(target);
        let refused = self.kind == Kind::SocksRefusing;
        tcp.write_all(&[5, if refused { 2 } else { 0 }, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
        if refused { Err(std::io::ErrorKind::PermissionDenied.into()) } else { Ok(()) }
    }
}
