//! `/nodes/{node}`.

pub(crate) mod ceph;
mod status;
pub(crate) mod tasks;

use crate::kernel::Routes;

pub(crate) fn routes(r: &mut Routes) {
    ceph::routes(r);
    status::routes(r);
    tasks::routes(r);
}
