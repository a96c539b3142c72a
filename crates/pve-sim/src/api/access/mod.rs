//! `/access`: login, users, tokens, groups, roles, access control, realms.

mod acl;
mod domains;
mod groups;
mod permissions;
mod roles;
mod ticket;
mod tokens;
mod users;

use crate::kernel::locks::Lock;
use crate::kernel::{Call, PveError, Routes};

pub(crate) fn routes(r: &mut Routes) {
    acl::routes(r);
    domains::routes(r);
    groups::routes(r);
    permissions::routes(r);
    roles::routes(r);
    ticket::routes(r);
    tokens::routes(r);
    users::routes(r);
}

/// Everything here but realms and tickets lies in `user.cfg`, and whoever writes it locks it.
fn lock_user_cfg(call: &mut Call<'_>, prefix: &str) -> Result<(), PveError> {
    call.lock(Lock::file("user.cfg")).map_err(|error| error.prefix(prefix))?;
    call.cluster.access.write();
    Ok(())
}
