//! `pve_realm_ldap`: a realm of an LDAP server.

use terraform_plugin::{Model, Timeouts};

use crate::ground::texts;
use crate::section::{Family, Section, plain};

use super::directory::Directory;
use super::{ID, REALM};

/// A realm whose users are those of an LDAP server.
///
/// PVE does not ask the server when the realm is made: a wrong address shows at the first login or sync. Users and groups of the
/// realm stay when it goes. `pve_realm_sync_job` brings them in.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "realm_ldap", area = "Access", key(realm))]
pub struct RealmLdap {
    /// Its id, the part behind the `@` of its users.
    #[attr(required, replace, length = ..=32, regex = ID, says = "a letter, then letters, digits, `.`, `_`, `-`")]
    pub realm: String,
    /// Where users are looked for, such as `dc=example,dc=com`.
    #[attr(required, length = 1..=256, check = texts::one_tidy_line)]
    pub base_dn: String,
    /// The attribute that is a user's name, such as `uid`.
    #[attr(required, length = ..=256, regex = r"^\S{2,}$", says = "one word of at least two characters")]
    pub user_attr: String,
    #[attr(flatten)]
    pub directory: Directory,
    /// How long operations may take.
    #[attr(timeouts(create = "5m", update = "5m", delete = "5m"))]
    pub timeouts: Timeouts,
}

impl Section for RealmLdap {
    const FAMILY: Family = Family { fixed: &[("type", "ldap")], ..REALM };

    const LEFT_OUT: &'static [(&'static str, &'static str)] =
        &[("check-connection", "a trial when it is made, nothing that stays"), ("secure", "PVE's old word for `mode`")];
}

plain!(RealmLdap);
