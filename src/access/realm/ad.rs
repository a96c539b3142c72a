//! `pve_realm_ad`: a realm of Active Directory.

use terraform_plugin::{Model, Timeouts};

use crate::ground::texts;
use crate::section::{Family, Section, plain};

use super::directory::Directory;
use super::{ID, REALM};

/// A realm whose users are those of Active Directory.
///
/// PVE does not ask the server when the realm is made: a wrong address shows at the first login or sync. Users and groups of the
/// realm stay when it goes. `pve_realm_sync_job` brings them in.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "realm_ad", area = "Access", key(realm))]
pub struct RealmAd {
    /// Its id, the part behind the `@` of its users.
    #[attr(required, replace, length = ..=32, regex = ID, says = "a letter, then letters, digits, `.`, `_`, `-`")]
    pub realm: String,
    /// The domain, such as `example.com`.
    #[attr(required, length = 1..=256, regex = r"^\S+$", says = "one word")]
    pub domain: String,
    /// Where users are looked for at a sync. Unset: what the server says.
    #[attr(optional, length = 1..=256, check = texts::one_tidy_line)]
    pub base_dn: Option<String>,
    /// The attribute that is a user's name at a sync. Unset: `sAMAccountName`.
    #[attr(optional, length = ..=256, regex = r"^\S{2,}$", says = "one word of at least two characters")]
    pub user_attr: Option<String>,
    #[attr(flatten)]
    pub directory: Directory,
    /// How long operations may take.
    #[attr(timeouts(create = "5m", update = "5m", delete = "5m"))]
    pub timeouts: Timeouts,
}

impl Section for RealmAd {
    const FAMILY: Family = Family { fixed: &[("type", "ad")], ..REALM };
}

plain!(RealmAd);
