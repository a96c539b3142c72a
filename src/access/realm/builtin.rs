//! `pve_realm`: a realm that PVE brings along.

use terraform_plugin::{Model, Timeouts};

use crate::ground::texts;
use crate::section::{Builtin, Family, Section, plain};

use super::REALM;

/// The settings of a realm that PVE brings along: `pam` (the system's own users) or `pve` (PVE's own).
///
/// It is always there: creating this changes it, and destroying it leaves it as it is then. Other realms are made by
/// `pve_realm_openid`, `pve_realm_ldap` and `pve_realm_ad`.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "realm", area = "Access", key(realm))]
pub struct Realm {
    /// `pam` or `pve`.
    #[attr(required, replace, one_of = ["pam", "pve"])]
    pub realm: String,
    /// What the login page shows.
    ///
    /// Left alone when unset.
    #[attr(keep, length = 1..=4096, check = texts::one_tidy_line)]
    pub comment: Option<String>,
    /// Whether the login page offers it first. Only one realm can be that.
    #[attr(keep, usual = false)]
    pub default: Option<bool>,
    /// A second factor that all users of the realm need, such as `type=oath,digits=6`.
    ///
    /// Mind that on `pam` it may lock root@pam out.
    #[attr(optional, length = 1..=128, check = texts::one_tidy_line)]
    pub tfa: Option<String>,
    /// How long operations may take.
    #[attr(timeouts(create = "5m", update = "5m", delete = "5m"))]
    pub timeouts: Timeouts,
}

impl Section for Realm {
    const FAMILY: Family = REALM;

    const LEFT_OUT: &'static [(&'static str, &'static str)] =
        &[("type", "`pam` and `pve` are there from the beginning, and never made")];

    const UNLIKE: &'static [(&'static str, &'static str)] = &[("realm", "others have types of their own")];

    fn builtin(_key: &RealmKey) -> Builtin {
        Builtin::Stays
    }
}

plain!(Realm);
