//! All pools, for the data source.

use terraform_plugin::{Cx, Error, Listed};

use super::{Pool, completed};
use crate::ground::error::During;
use crate::ground::pve::Pve;

impl Listed<Pve> for Pool {
    const PLURAL: &'static str = "ceph_pools";

    async fn list(cx: &Cx<Pve>) -> Result<Vec<Self>, Error> {
        let pools = cx.client.ceph().pools().await.during("Cannot list the pools of Ceph")?;
        let mut all = Vec::new();
        for live in pools.iter().filter(|live| live.kind != "erasure") {
            let live = match live.autoscale_status {
                Some(_) => live.clone(),
                None => completed(cx, live.clone()).await?,
            };
            all.push(Self::from_live(&live, None));
        }
        Ok(all)
    }
}
