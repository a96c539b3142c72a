//! `/nodes/{node}`.

mod status;
pub(crate) mod tasks;

use crate::kernel::Routes;

pub(crate) fn routes(r: &mut Routes) {
    status::routes(r);
    tasks::routes(r);
}
