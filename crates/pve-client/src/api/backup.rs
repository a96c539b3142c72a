//! Backups of guests.

use std::sync::Arc;

use serde::Deserialize;

use crate::api::params::Params;
use crate::{Area, Client, Error, Lock, Request, Task, segment, wire};

/// A backup, in `GET /nodes/{node}/storage/{storage}/content?content=backup`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Backup {
    /// `STORAGE:backup/NAME`.
    pub volid: String,
    /// `vma.zst`, `tar`, `pbs-vm` ...
    #[serde(default)]
    pub format: String,
    /// Bytes.
    #[serde(default, deserialize_with = "wire::opt_number")]
    pub size: Option<u64>,
    /// Whose it is.
    #[serde(default, deserialize_with = "wire::opt_number")]
    pub vmid: Option<u32>,
    /// `qemu` or `lxc`.
    #[serde(default)]
    pub subtype: Option<String>,
    /// Unix seconds.
    #[serde(default, deserialize_with = "wire::opt_number")]
    pub ctime: Option<i64>,
    /// The first line of what is noted.
    #[serde(default, deserialize_with = "wire::opt_text")]
    pub notes: Option<String>,
    /// Whether it cannot be removed.
    #[serde(default, deserialize_with = "wire::boolean")]
    pub protected: bool,
}

impl Client {
    /// The backups on a storage as a node sees it, those of one guest if one is named.
    pub async fn backups(&self, node: &str, storage: &str, vmid: Option<u32>) -> Result<Arc<Vec<Backup>>, Error> {
        let path = format!("nodes/{node}/storage/{}/content", segment(storage));
        let request = Request::get(path).node(node).param("content", "backup").opt("vmid", vmid);
        self.shared(Area::Content, request).await
    }

    /// Backs guests of a node up. `None`: PVE has begun nothing, since none of those that are meant is there.
    /// `POST /nodes/{node}/vzdump`
    pub async fn back_up(&self, node: &str, params: &Params) -> Result<Option<Task>, Error> {
        let request = params.onto(Request::post(format!("nodes/{node}/vzdump")).node(node));
        let areas = [Area::Content, Area::Guests];
        self.write_task_if_any(Lock::Backup(node.to_owned()), &areas, request).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_recorded_backups() {
        let answer = r#"[{"ctime":1795984415,"subtype":"lxc","vmid":157,"volid":"local:backup/vzdump-lxc-157-2026_11_29-20_33_35.tar",
            "format":"tar","content":"backup","size":1003520},{"volid":"pbs:backup/vm/100/2026-11-29T10:00:00Z","notes":"a","protected":1}]"#;
        let all: Vec<Backup> = serde_json::from_str(answer).unwrap();
        assert_eq!((all[0].vmid, all[0].size, all[0].protected), (Some(157), Some(1_003_520), false));
        assert!(all[1].protected && all[1].notes.as_deref() == Some("a"));
    }
}
