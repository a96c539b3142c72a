//! Files that guests are made from: fetched, sent, pulled, removed; and what there is to be fetched.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use super::storage::NodeStorages;
use crate::{Area, Error, Lock, Request, Task, Upload, segment, wire};

/// What is to be fetched by URL.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Download {
    /// `http://` or `https://`.
    pub url: String,
    /// `iso`, `vztmpl` or `import`.
    pub content: String,
    /// Its name on the storage.
    pub filename: String,
    /// Algorithm and checksum of what is sent, before it is decompressed.
    pub checksum: Option<(String, String)>,
    /// `gz`, `lzo`, `zst` or `bz2`.
    pub compression: Option<String>,
    /// Whether the server's certificate has to be trusted; PVE does so unless told.
    pub verify_certificates: Option<bool>,
}

/// What a server says of a URL.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct UrlMetadata {
    /// The name it gives the file.
    #[serde(default)]
    pub filename: Option<String>,
    /// Bytes.
    #[serde(default, deserialize_with = "wire::opt_number")]
    pub size: Option<u64>,
    /// Its type.
    #[serde(default)]
    pub mimetype: Option<String>,
}

/// A record of the index of appliances. Its keys are those of a file on the node.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct Appliance {
    /// The file's name, by which it is fetched.
    #[serde(default)]
    pub template: String,
    /// `debian-13-standard`.
    #[serde(default)]
    pub package: Option<String>,
    /// Its version.
    #[serde(default, deserialize_with = "wire::opt_text")]
    pub version: Option<String>,
    /// `debian-13`.
    #[serde(default)]
    pub os: Option<String>,
    /// `system`, `turnkeylinux` ...
    #[serde(default)]
    pub section: Option<String>,
    /// `amd64`.
    #[serde(default)]
    pub architecture: Option<String>,
    /// One line.
    #[serde(default)]
    pub headline: Option<String>,
    /// `lxc`.
    #[serde(default, rename = "type")]
    pub kind: Option<String>,
    /// Everything else.
    #[serde(flatten)]
    pub other: BTreeMap<String, serde_json::Value>,
}

/// The areas that change with what lies on a storage.
const AREAS: &[Area] = &[Area::Content];

impl NodeStorages<'_> {
    fn path(&self, storage: &str, below: &str) -> String {
        format!("nodes/{}/storage/{}/{below}", self.node, segment(storage))
    }

    /// Has the node fetch a file. `POST /nodes/{node}/storage/{storage}/download-url`
    pub async fn download(&self, storage: &str, download: &Download, lock: Lock) -> Result<Task, Error> {
        let Download { url, content, filename, checksum, compression, verify_certificates } = download;
        let (algorithm, checksum) = checksum.as_ref().map(|(algorithm, sum)| (algorithm, sum)).unzip();
        let request = Request::post(self.path(storage, "download-url"))
            .node(self.node)
            .param("url", url)
            .param("content", content)
            .param("filename", filename)
            .opt("checksum-algorithm", algorithm)
            .opt("checksum", checksum)
            .opt("compression", compression.as_ref())
            .opt("verify-certificates", verify_certificates.map(u8::from));
        self.client.write_task(lock, AREAS, request).await
    }

    /// Sends a local file; one of its name is overwritten silently. The task copies what has arrived.
    /// `POST /nodes/{node}/storage/{storage}/upload`
    pub async fn upload(
        &self,
        storage: &str,
        content: &str,
        sha256: &str,
        file: Upload,
        lock: Lock,
    ) -> Result<Task, Error> {
        let request = Request::post(self.path(storage, "upload"))
            .node(self.node)
            .param("content", content)
            .param("checksum-algorithm", "sha256")
            .param("checksum", sha256)
            .upload(file);
        self.client.write_task(lock, AREAS, request).await
    }

    /// Has the node pull an image from a registry (PVE 9.1). `.tar` is put behind the name whatever it is.
    /// `POST /nodes/{node}/storage/{storage}/oci-registry-pull`
    pub async fn pull(
        &self,
        storage: &str,
        reference: &str,
        filename: Option<&str>,
        lock: Lock,
    ) -> Result<Task, Error> {
        let request = Request::post(self.path(storage, "oci-registry-pull"))
            .node(self.node)
            .param("reference", reference)
            .opt("filename", filename);
        self.client.write_task(lock, AREAS, request).await
    }

    /// Has the node fetch an appliance of its index. `POST /nodes/{node}/aplinfo`
    pub async fn appliance(&self, storage: &str, template: &str, lock: Lock) -> Result<Task, Error> {
        let request = Request::post(format!("nodes/{}/aplinfo", self.node))
            .node(self.node)
            .param("storage", storage)
            .param("template", template);
        self.client.write_task(lock, AREAS, request).await
    }

    /// Removes a volume, whoever uses it. `DELETE /nodes/{node}/storage/{storage}/content/{volume}`
    pub async fn remove(&self, storage: &str, volid: &str, lock: Lock) -> Result<Task, Error> {
        let request = Request::delete(self.path(storage, &format!("content/{}", segment(volid)))).node(self.node);
        self.client.write_task(lock, AREAS, request).await
    }

    /// The index of appliances, as the node fetched it last; in random order. `GET /nodes/{node}/aplinfo`
    pub async fn appliances(&self) -> Result<Arc<Vec<Appliance>>, Error> {
        let request = Request::get(format!("nodes/{}/aplinfo", self.node)).node(self.node);
        self.client.shared(Area::Content, request).await
    }

    /// The tags of a repository of container images (PVE 9.1). `GET /nodes/{node}/query-oci-repo-tags`
    pub async fn tags(&self, reference: &str) -> Result<Vec<String>, Error> {
        let path = format!("nodes/{}/query-oci-repo-tags", self.node);
        self.client.call(Request::get(path).node(self.node).param("reference", reference)).await
    }

    /// What a server says of a URL. `GET /nodes/{node}/query-url-metadata`
    pub async fn url_metadata(&self, url: &str, verify_certificates: bool) -> Result<UrlMetadata, Error> {
        let request = Request::get(format!("nodes/{}/query-url-metadata", self.node)).node(self.node).param("url", url);
        self.client.call(request.flag("verify-certificates", verify_certificates)).await
    }
}
