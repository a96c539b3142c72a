//! All erasure coded pools that PVE makes, for the data source.

use terraform_plugin::{Cx, Error, Listed};

use super::{ErasurePool, find};
use crate::ceph::pool::parts::Part;
use crate::ground::error::During;
use crate::ground::pve::Pve;

impl Listed<Pve> for ErasurePool {
    const PLURAL: &'static str = "ceph_erasure_pools";

    async fn list(cx: &Cx<Pve>) -> Result<Vec<Self>, Error> {
        let pools = cx.client.ceph().pools().await.during("Cannot list the pools of Ceph")?;
        let suffix = format!("-{}", Part::Data.word());
        let mut all = Vec::new();
        // One without a pool of metadata beside it is none of these.
        for name in
            pools.iter().filter(|pool| pool.kind == "erasure").filter_map(|pool| pool.name.strip_suffix(&suffix))
        {
            if let Some(live) = find(cx, name).await?.filter(super::Live::is_whole) {
                all.push(Self::from_live(name, &live, None)?);
            }
        }
        Ok(all)
    }
}
