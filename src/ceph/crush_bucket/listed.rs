//! All buckets but hosts, for the data source.

use terraform_plugin::{Cx, Error, Listed};

use super::{CrushBucket, topology};
use crate::ground::pve::Pve;

impl Listed<Pve> for CrushBucket {
    const PLURAL: &'static str = "ceph_crush_buckets";

    async fn list(cx: &Cx<Pve>) -> Result<Vec<Self>, Error> {
        let map = topology::crush_map(&cx.api).await?;
        let buckets = map.buckets.iter().filter(|bucket| bucket.kind != "host");
        Ok(buckets.filter_map(|bucket| Self::of(&bucket.name, &map)).collect())
    }
}
