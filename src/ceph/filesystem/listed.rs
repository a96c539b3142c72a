//! All file systems, for the data source.

use terraform_plugin::{Cx, Error, Listed};

use super::{CephFilesystem, whole};
use crate::ground::error::During;
use crate::ground::pve::Pve;

impl Listed<Pve> for CephFilesystem {
    const PLURAL: &'static str = "ceph_filesystems";

    async fn list(cx: &Cx<Pve>) -> Result<Vec<Self>, Error> {
        let mut all = Vec::new();
        for filesystem in cx.client.ceph().filesystems().await.during("Cannot list the file systems of Ceph")?.iter() {
            all.push(Self::from_live(&whole(cx, filesystem).await?, None));
        }
        Ok(all)
    }
}
