//! What is fetched is really asked for, and compared.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener};

use serde_json::{Value, json};

use crate::bed::Bed;
use crate::cluster::storage::files::checksum;
use crate::shape::{Shape, StorageShape};

/// A server that has `/a.iso` and `/v2/a/tags/list`, and nothing else.
fn server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut reader = BufReader::new(stream.unwrap());
            let mut lines = Vec::new();
            while lines.last().is_none_or(|line: &String| !line.trim().is_empty()) {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                lines.push(line);
            }
            let (status, body) = match lines[0].split(' ').nth(1) {
                Some("/a.iso") => ("200 OK", "twelve bytes"),
                Some("/v2/library/a/tags/list") => ("200 OK", r#"{"tags":["1"]}"#),
                _ => ("404 Not Found", ""),
            };
            let head = format!("HTTP/1.0 {status}\r\nContent-Length: {}\r\n\r\n", body.len());
            let body = if lines[0].starts_with("HEAD") { "" } else { body };
            let head = format!("{head}{body}");
            reader.into_inner().write_all(head.as_bytes()).unwrap();
        }
    });
    address
}

fn bed() -> Bed {
    let mut shape = Shape { web: [("*".to_owned(), server())].into(), ..Shape::default() };
    let full: StorageShape = serde_json::from_value(
        json!({"storage": "full", "type": "dir", "path": "/full", "content": ["iso"], "size": 8}),
    )
    .unwrap();
    shape.storages.push(full);
    Bed::new(shape)
}

async fn fetched(bed: &Bed, storage: &str, more: &[(&str, &str)]) -> (String, Value) {
    let path = format!("/nodes/pve1/storage/{storage}/download-url");
    let upid = bed.ok("POST", &path, &[&[("content", "iso")], more].concat()).await;
    (bed.task(&upid), upid)
}

#[tokio::test]
async fn a_download_is_what_the_server_has_and_overwrites_nothing() {
    let bed = bed();
    let (url, sum) = (("url", "https://a.example/a.iso"), checksum("sha256", b"twelve bytes").unwrap());
    assert_eq!(fetched(&bed, "local", &[url, ("filename", "a b.iso")]).await.0, "OK");
    let listed = bed.ok("GET", "/nodes/pve1/storage/local/content", &[("content", "iso")]).await;
    let at = listed[0]["ctime"].clone();
    assert_eq!(
        listed,
        json!([{ "volid": "local:iso/a_b.iso", "content": "iso", "format": "iso", "size": 12, "ctime": at }])
    );
    let there = "refusing to override existing file '/var/lib/vz/template/iso/a_b.iso'";
    assert_eq!(fetched(&bed, "local", &[url, ("filename", "a_b.iso")]).await.0, there);
    let with = |sum: &'static str| [url, ("filename", "a_b.iso"), ("checksum-algorithm", "sha256"), ("checksum", sum)];
    assert!(fetched(&bed, "local", &with("00")).await.0.ends_with(&format!("got '{sum}' != expect '00', aborting")));
    let right: &'static str = Box::leak(sum.clone().into_boxed_str());
    assert_eq!(fetched(&bed, "local", &with(right)).await.0, "OK", "it is there already");
    let (end, upid) = fetched(&bed, "local", &[("url", "http://b/nope.iso"), ("filename", "n.iso")]).await;
    assert_eq!(end, "download failed: exit code 8");
    assert!(bed.log(&upid).iter().any(|line| line.ends_with("ERROR 404: Not Found.")), "{:?}", bed.log(&upid));
    let untrusted = ("url", "https://self-signed.example/a.iso");
    assert_eq!(fetched(&bed, "local", &[untrusted, ("filename", "s.iso")]).await.0, "download failed: exit code 5");
    let unchecked = [untrusted, ("filename", "s.iso"), ("verify-certificates", "0")];
    assert_eq!(fetched(&bed, "local", &unchecked).await.0, "OK");
    assert_eq!(fetched(&bed, "full", &[url, ("filename", "a.iso")]).await.0, "download failed: exit code 3");
    assert_eq!(bed.ok("GET", "/nodes/pve1/storage/full/content", &[]).await, json!([]), "nothing stays");
}

#[tokio::test]
async fn what_a_url_and_a_registry_tell_is_handed_on() {
    let bed = bed();
    let told = bed.ok("GET", "/nodes/pve1/query-url-metadata", &[("url", "http://a/a.iso")]).await;
    assert_eq!(told, json!({ "filename": "a.iso", "size": 12 }));
    let refused = bed.refusal("GET", "/nodes/pve1/query-url-metadata", &[("url", "http://a/b.iso")]).await;
    assert_eq!(refused, (500, "invalid server response: '404 Not Found'".to_owned()));
    assert_eq!(bed.ok("GET", "/nodes/pve1/query-oci-repo-tags", &[("reference", "a")]).await, json!(["1"]));
    let pull = "/nodes/pve1/storage/local/oci-registry-pull";
    let upid = bed.ok("POST", pull, &[("reference", "b.example/c:1")]).await;
    assert!(bed.task(&upid).ends_with("failed: exit code 1"));
}
