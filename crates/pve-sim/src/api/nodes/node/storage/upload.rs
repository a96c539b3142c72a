//! `POST /nodes/{node}/storage/{storage}/upload`: a file that was sent to whichever node took the request.

use std::time::Duration;

use serde_json::Value;

use super::may_be_called;
use crate::cluster::storage::files::{checksum, tidy};
use crate::kernel::tasks::Steps;
use crate::kernel::{Call, PveError, Routes};

pub(super) fn routes(r: &mut Routes) {
    r.post("/nodes/{node}/storage/{storage}/upload", upload);
}

fn upload(call: &mut Call<'_>) -> Result<Value, PveError> {
    let params = &call.params;
    let text = |name: &str| params.text(name).map(str::to_owned);
    let (content, id) = (params.need("content").to_owned(), params.need("storage").to_owned());
    let name = tidy(params.need("filename"));
    let (node, target) = (call.node.clone(), params.need("node").to_owned());
    let (sum, sent) = (text("checksum-algorithm").zip(text("checksum")), text("tmpfilename"));
    let storage = call.cluster.storage.usable(&id, &target).map_err(PveError::new)?;
    if !storage.kind.has_files() {
        return Err(PveError::new(format!("can't upload to storage type '{}'", storage.kind.name)));
    }
    if !storage.holds(&content) {
        return Err(PveError::new(format!("storage '{id}' does not support '{content}' content")));
    }
    may_be_called(&content, &name)?;
    let path = storage.volume_path(&format!("{content}/{name}"));
    let temporary = sent.ok_or_else(|| PveError::param("tmpfilename", "property is missing and it is not optional"))?;
    let bytes = call.cluster.storage.uploads.remove(&temporary);
    let bytes = bytes.ok_or_else(|| PveError::new(format!("can't open '{temporary}' - No such file or directory")))?;
    let steps = Steps::new().wait(Duration::from_millis(200)).run(move |t| {
        t.log(format!("starting file import from: {temporary}"));
        if let Some((algorithm, expected)) = sum {
            let is = checksum(&algorithm, &bytes).unwrap_or_default();
            if !is.eq_ignore_ascii_case(&expected) {
                t.log("calculating checksum...");
                return Err(format!("checksum mismatch: got '{is}' != expect '{expected}'"));
            }
            t.log("calculating checksum...OK, checksum verified");
        }
        t.log(format!("target node: {target}"));
        t.log(format!("target file: {path}"));
        t.log(format!("file size is: {}", bytes.len()));
        // Belief: how it is copied to another node.
        let copy = if target == node { "cp" } else { "scp -p" };
        t.log(format!("command: {copy} -- {temporary} {path}"));
        let usable = t.cluster.storage.usable(&id, &target)?.clone();
        if !t.cluster.has_room(&usable, &target, bytes.len() as u64) {
            // Belief: cp's words after PVE's.
            return Err(format!("import failed: cp: error writing '{path}': No space left on device"));
        }
        t.cluster.put_file(&target, &id, &content, &name, bytes)?;
        t.log("finished file import successfully");
        Ok(())
    });
    Ok(call.task("imgcopy", "", steps))
}
