//! The web server that whoever made the recordings had beside the cluster.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};

use anyhow::{Context as _, Result};

/// How the recordings name it.
pub(super) const RECORDERS: &str = "10.98.76.254:8099";

/// Its one file, whose checksum is in the recordings.
const FILE: (&str, usize) = ("/f.iso", 5000);

/// Serves from now on.
pub(super) fn start() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("a port for the recorder's web server")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            answer(stream);
        }
    });
    Ok(address)
}

fn answer(stream: TcpStream) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    while lines.last().is_none_or(|line: &String| !line.trim().is_empty()) {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        lines.push(line);
    }
    let mut words = lines.first()?.split_whitespace();
    let (verb, path) = (words.next()?, words.next()?);
    let mut stream = reader.into_inner();
    if path != FILE.0 {
        return stream.write_all(b"HTTP/1.0 404 File not found\r\nContent-Length: 0\r\n\r\n").ok();
    }
    let head =
        format!("HTTP/1.0 200 OK\r\nContent-Type: application/x-iso9660-image\r\nContent-Length: {}\r\n\r\n", FILE.1);
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(&vec![0; if verb == "HEAD" { 0 } else { FILE.1 }]).ok()
}
