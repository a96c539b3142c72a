//! `pve_realm_openid`: a realm of an OpenID Connect provider.

use terraform_plugin::{Model, Secret, Timeouts};

use crate::ground::texts;
use crate::section::{Family, Section, plain};

use super::{ID, REALM};

/// A realm whose users log in at an OpenID Connect provider.
///
/// PVE does not ask the provider when the realm is made: a wrong address shows at the first login. Users of the realm stay
/// when it goes.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "realm_openid", area = "Access", key(realm))]
pub struct RealmOpenid {
    /// Its id, the part behind the `@` of its users.
    #[attr(required, replace, length = ..=32, regex = ID, says = "a letter, then letters, digits, `.`, `_`, `-`")]
    pub realm: String,
    /// The provider's address, such as `https://login.example.com/realms/home`.
    #[attr(required, api = "issuer-url", length = 1..=256, check = texts::one_tidy_line)]
    pub issuer_url: String,
    /// The id by which the provider knows this cluster.
    #[attr(required, api = "client-id", length = 1..=256, check = texts::one_tidy_line)]
    pub client_id: String,
    /// The secret that goes with it. PVE shows it to whoever may read realms.
    #[attr(optional, sensitive, api = "client-key", length = 1..=256, check = texts::one_tidy_line)]
    pub client_key: Option<Secret<String>>,
    /// Whether somebody who logs in for the first time becomes a user.
    #[attr(keep, usual = false)]
    pub autocreate: Option<bool>,
    /// The claim that is taken for the user's name.
    ///
    /// Left to PVE when unset (`sub`).
    #[attr(optional, replace, api = "username-claim", length = 1.., check = texts::one_tidy_line)]
    pub username_claim: Option<String>,
    /// The claim that tells the user's groups.
    #[attr(optional, api = "groups-claim", length = 1..=256, regex = "^[A-Za-z0-9._-]+$", says = "letters, digits, `.`, `_`, `-`")]
    pub groups_claim: Option<String>,
    /// Whether groups that the claim names are made.
    #[attr(keep, usual = false, api = "groups-autocreate")]
    pub groups_autocreate: Option<bool>,
    /// Whether the claim takes users out of other groups.
    #[attr(keep, usual = false, api = "groups-overwrite")]
    pub groups_overwrite: Option<bool>,
    /// What the provider's login page asks for: `none`, `login`, `consent`, `select_account` or one of the provider's own.
    #[attr(optional, regex = r"^\S+$", says = "one word")]
    pub prompt: Option<String>,
    /// The scopes that are asked for.
    #[attr(keep, usual = "email profile", length = 1.., check = texts::one_tidy_line)]
    pub scopes: Option<String>,
    /// Authentication contexts that are asked for.
    #[attr(optional, api = "acr-values", length = 1.., regex = WITHOUT, says = WITHOUT_SAYS)]
    pub acr_values: Option<String>,
    /// For whom tokens may be made besides `client_id`, separated by commas.
    #[attr(optional, length = 1.., regex = WITHOUT, says = WITHOUT_SAYS)]
    pub audiences: Option<String>,
    /// Whether the provider's userinfo endpoint is asked for more claims.
    #[attr(keep, usual = true, api = "query-userinfo")]
    pub query_userinfo: Option<bool>,
    /// Whether the login page offers it first. Only one realm can be that.
    #[attr(keep, usual = false)]
    pub default: Option<bool>,
    /// What the login page shows.
    #[attr(optional, length = 1..=4096, check = texts::one_tidy_line)]
    pub comment: Option<String>,
    /// How long operations may take.
    #[attr(timeouts(create = "5m", update = "5m", delete = "5m"))]
    pub timeouts: Timeouts,
}

/// The form of what is passed on to the provider in its address.
const WITHOUT: &str = r##"^[^\x00-\x1F\x7F <>#"]*$"##;

/// The same in words.
const WITHOUT_SAYS: &str = "without blanks, `<`, `>`, `#` and quotation marks";

impl Section for RealmOpenid {
    const FAMILY: Family = Family { fixed: &[("type", "openid")], ..REALM };
}

plain!(RealmOpenid);
