//! `/nodes/{node}`.

mod apt;
mod capabilities;
pub(crate) mod ceph;
mod disks;
mod install;
mod lxc;
mod network;
mod qemu;
mod status;
mod storage;
pub(crate) mod tasks;
mod terminal;
mod vzdump;

use crate::kernel::Routes;

pub(crate) fn routes(r: &mut Routes) {
    apt::routes(r);
    capabilities::routes(r);
    ceph::routes(r);
    disks::routes(r);
    lxc::routes(r);
    network::routes(r);
    qemu::routes(r);
    status::routes(r);
    storage::routes(r);
    tasks::routes(r);
    terminal::routes(r);
    vzdump::routes(r);
}
