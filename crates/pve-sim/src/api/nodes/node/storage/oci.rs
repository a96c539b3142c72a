//! Container images of registries: `oci-registry-pull` and `query-oci-repo-tags`, by the distribution protocol, asked for real.
//!
//! No pull was ever recorded: what tasks say is `// Belief:` from PVE's and skopeo's sources.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::cluster::storage::files::{checksum, tidy};
use crate::cluster::web::{Answer, Silence, Url, Web};
use crate::kernel::tasks::Steps;
use crate::kernel::{Call, PveError, Routes};

pub(super) fn routes(r: &mut Routes) {
    r.get("/nodes/{node}/query-oci-repo-tags", tags);
    r.post("/nodes/{node}/storage/{storage}/oci-registry-pull", pull);
}

const INDEXES: [&str; 2] =
    ["application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"];
const MANIFESTS: [&str; 2] =
    ["application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json"];

/// A repository: the registry, and the name there.
struct Repository {
    host: String,
    name: String,
}

impl Repository {
    /// As container tools read a reference: without a host it is Docker's, and without a folder there one of its own.
    fn of(reference: &str) -> Repository {
        let (host, name) = match reference.split_once('/') {
            Some((host, name)) if host.contains(['.', ':']) || host == "localhost" => (host, name.to_owned()),
            _ => ("docker.io", reference.to_owned()),
        };
        let name = if host == "docker.io" && !name.contains('/') { format!("library/{name}") } else { name };
        Repository { host: host.to_owned(), name }
    }

    fn ask(&self, web: &Web, below: &str, wants: &[&str]) -> Result<Answer, Silence> {
        let Repository { host, name } = self;
        let url = Url { secure: true, authority: host.clone(), path: format!("/v2/{name}/{below}") };
        web.ask("GET", &url, true, wants)
    }

    /// The same; what is not there has skopeo's words.
    fn get(&self, web: &Web, below: &str, wants: &[&str]) -> Result<Vec<u8>, String> {
        let Repository { host, name } = self;
        match self.ask(web, below, wants) {
            Ok(answer) if answer.status == 200 => Ok(answer.body),
            Ok(answer) if answer.status == 404 => Err(format!("reading {below} in {host}/{name}: manifest unknown")),
            Ok(answer) => Err(format!("reading {below} in {host}/{name}: StatusCode: {}", answer.status)),
            Err(_) => Err(format!("pinging container registry {host}: dial tcp: connection refused")),
        }
    }
}

fn tags(call: &mut Call<'_>) -> Result<Value, PveError> {
    if !call.cluster.web.skopeo {
        return Err(PveError::new("Install 'skopeo' to list tags from OCI registries."));
    }
    let reference = call.params.need("reference");
    let answer = Repository::of(reference).ask(&call.cluster.web, "tags/list", &[]);
    let list = answer.ok().filter(|answer| answer.status == 200);
    let list = list.and_then(|answer| serde_json::from_slice::<Value>(&answer.body).ok());
    match list {
        Some(list) => Ok(list["tags"].clone()),
        // Belief: PVE's words around skopeo's code.
        None => Err(PveError::new(format!("command 'skopeo list-tags docker://{reference}' failed: exit code 1"))),
    }
}

fn pull(call: &mut Call<'_>) -> Result<Value, PveError> {
    let (id, reference) = (call.params.need("storage").to_owned(), call.params.need("reference").to_owned());
    let asked = call.params.text("filename").map(str::to_owned);
    if !call.cluster.web.skopeo {
        return Err(PveError::new("Install 'skopeo' to pull OCI images from registries."));
    }
    let storage = call.cluster.storage.usable(&id, &call.node).map_err(PveError::new)?;
    if !storage.holds("vztmpl") {
        return Err(PveError::new(format!("storage '{id}' is not configured for content-type 'vztmpl'")));
    }
    let last = reference.rsplit('/').next().unwrap_or(&reference);
    let name = format!("{}.tar", tidy(asked.as_deref().unwrap_or(last)));
    let volid = format!("{id}:vztmpl/{name}");
    if call.cluster.volume(&call.node, &volid).is_some() {
        return Err(PveError::new(format!("refusing to override existing file '{name}'")));
    }
    let (node, file) = (call.node.clone(), name.clone());
    let steps = Steps::new()
        .wait(Duration::from_millis(500))
        .run(move |t| {
            t.log(format!("pulling docker://{reference}"));
            let archive = match archive(&t.cluster.web, &reference) {
                Ok(archive) => archive,
                Err(why) => {
                    t.log(format!("time=\"{}\" level=fatal msg=\"{why}\"", t.now().format("%Y-%m-%dT%H:%M:%SZ")));
                    return Err(format!("command 'skopeo copy docker://{reference}' failed: exit code 1"));
                }
            };
            let usable = t.cluster.storage.usable(&id, &node)?.clone();
            if !t.cluster.has_room(&usable, &node, archive.len() as u64) {
                return Err(format!("command 'skopeo copy docker://{reference}' failed: exit code 1"));
            }
            t.cluster.put_file(&node, &id, "vztmpl", &file, archive)?;
            t.log("Writing manifest to image destination");
            Ok(())
        })
        .on_stop(|_| "received interrupt".to_owned());
    Ok(call.task("ociregistrypull", name, steps))
}

/// The image for the nodes' processors, as an archive in the layout of the Open Container Initiative.
fn archive(web: &Web, reference: &str) -> Result<Vec<u8>, String> {
    let (repository, tag) = reference.rsplit_once(':').ok_or("no tag")?;
    let repository = Repository::of(repository);
    let wants = [INDEXES, MANIFESTS].concat();
    let no_json = |what: &str| format!("parsing {what}: no JSON");
    let mut bytes = repository.get(web, &format!("manifests/{tag}"), &wants)?;
    let mut manifest: Value = serde_json::from_slice(&bytes).map_err(|_| no_json("manifest"))?;
    if let Some(all) = manifest["manifests"].as_array() {
        let fits = |one: &&Value| one["platform"]["architecture"] == "amd64" && one["platform"]["os"] == "linux";
        let digest = all.iter().find(fits).and_then(|one| one["digest"].as_str());
        let digest = digest.ok_or("no image found in image index for architecture amd64, OS linux")?;
        bytes = repository.get(web, &format!("manifests/{digest}"), &MANIFESTS)?;
        manifest = serde_json::from_slice(&bytes).map_err(|_| no_json("manifest"))?;
    }
    let mut blobs = BTreeMap::new();
    let parts = [&manifest["config"]].into_iter().chain(manifest["layers"].as_array().into_iter().flatten());
    for part in parts {
        let digest = part["digest"].as_str().ok_or("a part without a digest")?;
        let blob = repository.get(web, &format!("blobs/{digest}"), &[])?;
        let (algorithm, hex) = digest.split_once(':').ok_or("an invalid digest")?;
        if checksum(algorithm, &blob).as_deref() != Some(hex) {
            return Err(format!("Digest did not match, expected {digest}"));
        }
        blobs.insert(hex.to_owned(), blob);
    }
    let own = checksum("sha256", &bytes).unwrap_or_default();
    let index = json!({
        "schemaVersion": 2,
        "manifests": [{ "mediaType": MANIFESTS[0], "digest": format!("sha256:{own}"), "size": bytes.len() }],
    });
    blobs.insert(own, bytes);
    let mut tar = Vec::new();
    for (name, blob) in &blobs {
        entry(&mut tar, &format!("blobs/sha256/{name}"), blob);
    }
    entry(&mut tar, "index.json", index.to_string().as_bytes());
    entry(&mut tar, "oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#);
    tar.resize(tar.len() + 1024, 0);
    Ok(tar)
}

/// A file of a tar archive.
fn entry(tar: &mut Vec<u8>, name: &str, content: &[u8]) {
    let mut head = [0u8; 512];
    let mut put = |at: usize, text: &str| head[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, "0000644\0");
    put(108, "0000000\0");
    put(116, "0000000\0");
    put(124, &format!("{:011o}\0", content.len()));
    put(136, "00000000000\0");
    put(148, "        ");
    put(156, "0");
    put(257, "ustar\x0000");
    let sum: u32 = head.iter().map(|byte| u32::from(*byte)).sum();
    head[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    tar.extend_from_slice(&head);
    tar.extend_from_slice(content);
    tar.resize(tar.len().next_multiple_of(512), 0);
}
