//! What becomes of OSDs from their creation to their end. One life with a real Terraform is in the acceptance tests.

mod cut_off;
mod devices;
mod life;
mod removal;

use acceptance_tests::given::{OSD_DISKS, OSDS_IN_USE};
use serde_json::Value as Json;

use super::super::work::Work;

async fn disks() -> Work {
    Work::at(OSD_DISKS, 120.0).await
}

async fn in_use() -> Work {
    Work::at(OSDS_IN_USE, 120.0).await
}

fn attributes(work: &Work) -> Json {
    work.instance("pve_ceph_osd.o")["attributes"].clone()
}
