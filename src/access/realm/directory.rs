//! What realms of directory servers have in common.

use std::collections::BTreeSet;

use terraform_plugin::{Nested, Secret};

use crate::ground::texts;

/// What a sync does unless it says otherwise.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct SyncDefaults {
    /// What is synced: `users`, `groups` or `both`.
    #[attr(optional, one_of = ["users", "groups", "both"])]
    pub scope: Option<String>,
    /// What of users and groups that the server no longer has is removed: `entry`, `properties`, `acl`.
    #[attr(optional, length = 1.., api = "remove-vanished", one_of = ["acl", "entry", "properties"])]
    pub remove_vanished: Option<BTreeSet<String>>,
    /// Whether users that are new may log in.
    #[attr(optional, api = "enable-new")]
    pub enable_new: Option<bool>,
}

/// What LDAP and Active Directory realms have in common.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct Directory {
    /// The server's name or address.
    #[attr(required, length = 1..=256, check = texts::one_word)]
    pub server1: String,
    /// Another one, for when the first does not answer.
    #[attr(optional, length = 1..=256, check = texts::one_word)]
    pub server2: Option<String>,
    /// The port. Unset: that of the mode.
    #[attr(optional, range = 1..=65535)]
    pub port: Option<u16>,
    /// `ldap` (in clear), `ldaps` or `ldap+starttls`.
    #[attr(keep, usual = "ldap", one_of = ["ldap", "ldaps", "ldap+starttls"])]
    pub mode: Option<String>,
    /// The least version of TLS: `tlsv1`, `tlsv1_1`, `tlsv1_2` or `tlsv1_3`.
    #[attr(optional, one_of = ["tlsv1", "tlsv1_1", "tlsv1_2", "tlsv1_3"])]
    pub sslversion: Option<String>,
    /// Whether the server's certificate is checked.
    #[attr(keep, usual = false)]
    pub verify: Option<bool>,
    /// A file or folder on the nodes with the authorities to trust.
    #[attr(keep, usual = "/etc/ssl/certs", length = 1.., check = texts::one_tidy_line)]
    pub capath: Option<String>,
    /// A file on the nodes with a certificate to show.
    #[attr(optional, length = 1.., check = texts::one_tidy_line)]
    pub cert: Option<String>,
    /// A file on the nodes with the key of `cert`.
    #[attr(optional, length = 1.., check = texts::one_tidy_line)]
    pub certkey: Option<String>,
    /// Whom to log in as to look for users, such as `cn=reader,dc=example,dc=com`.
    #[attr(optional, length = 1..=256, check = texts::one_tidy_line)]
    pub bind_dn: Option<String>,
    /// The password of `bind_dn`. PVE never shows it; raise `password_version` to have it sent again.
    #[attr(optional, sensitive, write_only(version = password_version), check = texts::one_tidy_line)]
    pub password: Option<Secret<String>>,
    /// Raised to have `password` sent again.
    #[attr(local)]
    pub password_version: Option<u32>,
    /// A filter for users at a sync.
    #[attr(optional, length = 1..=2048, check = texts::one_tidy_line)]
    pub filter: Option<String>,
    /// What of a user is synced from where, such as `email=mail,firstname=givenName`.
    #[attr(
        optional,
        regex = r"^\w+=[^,]+(,\s*\w+=[^,]+)*$",
        says = "`NAME=ATTRIBUTE`, several with commas between",
        check = texts::one_tidy_line
    )]
    pub sync_attributes: Option<String>,
    /// The object classes of users.
    #[attr(keep, usual = "inetorgperson, posixaccount, person, user", length = 1.., same = texts::same_items)]
    pub user_classes: Option<String>,
    /// Where groups are looked for. Unset: below `base_dn`.
    #[attr(optional, length = 1..=256, check = texts::one_tidy_line)]
    pub group_dn: Option<String>,
    /// The attribute that is a group's name.
    #[attr(optional, length = 1..=256, check = texts::one_word)]
    pub group_name_attr: Option<String>,
    /// A filter for groups at a sync.
    #[attr(optional, length = 1..=2048, check = texts::one_tidy_line)]
    pub group_filter: Option<String>,
    /// The object classes of groups.
    #[attr(keep, usual = "groupOfNames, group, univentionGroup, ipausergroup", length = 1.., same = texts::same_items)]
    pub group_classes: Option<String>,
    /// Whether upper and lower case tell users apart.
    #[attr(keep, usual = true, api = "case-sensitive")]
    pub case_sensitive: Option<bool>,
    /// What a sync does unless it says otherwise.
    #[attr(optional, api = "sync-defaults-options")]
    pub sync_defaults: Option<SyncDefaults>,
    /// A second factor that all users of the realm need, such as `type=oath,digits=6`.
    #[attr(optional, length = 1..=128, check = texts::one_tidy_line)]
    pub tfa: Option<String>,
    /// Whether the login page offers it first. Only one realm can be that.
    #[attr(keep, usual = false)]
    pub default: Option<bool>,
    /// What the login page shows.
    #[attr(optional, length = 1..=4096, check = texts::one_tidy_line)]
    pub comment: Option<String>,
}
