//! `/cluster/ha`.

mod groups;
mod resources;
mod sid;
mod status;

use crate::kernel::Routes;

pub(crate) fn routes(r: &mut Routes) {
    groups::routes(r);
    resources::routes(r);
    status::routes(r);
}
