//! All partitions that have a name, for the data source.

use terraform_plugin::{Cx, Error, Listed};

use super::{DiskPartition, work};
use crate::ground::everywhere;
use crate::ground::pve::Pve;

impl Listed<Pve> for DiskPartition {
    const PLURAL: &'static str = "disk_partitions";

    async fn list(cx: &Cx<Pve>) -> Result<Vec<Self>, Error> {
        let all = everywhere::ask(cx, "Its partitions are left out", |node| work::all(cx, node)).await?;
        Ok(all.into_values().flatten().flatten().collect())
    }
}
