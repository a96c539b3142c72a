//! `/access`.

mod ticket;

use crate::kernel::Routes;

pub(crate) fn routes(r: &mut Routes) {
    ticket::routes(r);
}
