//! `/cluster`.

mod acme;
mod ceph;
mod config;
mod ha;
mod nextid;
mod options;
pub(super) mod resources;
mod status;
mod tasks;

use crate::kernel::Routes;

pub(crate) fn routes(r: &mut Routes) {
    acme::routes(r);
    ceph::routes(r);
    config::routes(r);
    ha::routes(r);
    nextid::routes(r);
    options::routes(r);
    resources::routes(r);
    status::routes(r);
    tasks::routes(r);
}
