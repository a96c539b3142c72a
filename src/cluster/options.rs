//! `pve_cluster_options`: the datacenter's options.

use std::collections::BTreeSet;

use pve_client::Area;
use terraform_plugin::{Model, Nested, Timeouts};

use crate::ground::texts;
use crate::section::{Bandwidth, Family, Live, Made, Right, Section, Sight, WORDS, plain};

/// The options of the whole cluster, as the datacenter's menu has them.
///
/// There is one set of them, and it is always there: creating this changes it. What is set in PVE and not here is taken away,
/// which the plan tells. Destroying it takes away what is set, so that PVE's own values hold again.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "cluster_options", area = "Cluster", key(id))]
pub struct ClusterOptions {
    /// Always `cluster`.
    #[attr(default = "cluster", replace, one_of = ["cluster"])]
    pub id: String,
    /// How fast PVE may copy, in KiB a second.
    #[attr(optional)]
    pub bwlimit: Option<Bandwidth>,
    /// What the login page shows before anybody may log in.
    #[attr(optional, length = 1..=65536, api = "consent-text", check = texts::not_blank)]
    pub consent_text: Option<String>,
    /// The console that opens by default: `applet`, `vv`, `html5` or `xtermjs`.
    #[attr(optional, one_of = ["applet", "vv", "html5", "xtermjs"])]
    pub console: Option<String>,
    /// How HA chooses nodes.
    #[attr(optional)]
    pub crs: Option<Scheduling>,
    /// A note on the whole cluster, in Markdown.
    #[attr(optional, length = ..=65536, check = texts::not_blank, same = texts::same_but_end)]
    pub description: Option<String>,
    /// The address that mails come from. Unset: root at the node that sends.
    #[attr(optional, check = texts::mail_address)]
    pub email_from: Option<String>,
    /// How a node is fenced: `watchdog`, `hardware` or `both`.
    #[attr(optional, one_of = ["watchdog", "hardware", "both"])]
    pub fencing: Option<String>,
    /// What becomes of HA's guests when a node goes down for maintenance.
    #[attr(optional)]
    pub ha: Option<Shutdown>,
    /// The proxy for downloads: `http://HOST:PORT`.
    ///
    /// Kept out of what Terraform shows, since it may hold a password.
    #[attr(optional, sensitive, regex = "^http://.*$", says = "a URL that begins with `http://`", check = texts::one_tidy_line)]
    pub http_proxy: Option<String>,
    /// The layout of keyboards in consoles.
    #[attr(optional, one_of = [
        "de", "de-ch", "da", "en-gb", "en-us", "es", "fi", "fr", "fr-be", "fr-ca", "fr-ch", "hu", "is", "it", "ja", "lt", "mk", "nl", "no",
        "pl", "pt", "pt-br", "sv", "sl", "tr"
    ])]
    pub keyboard: Option<String>,
    /// The language of the web interface.
    #[attr(optional, one_of = [
        "ar", "ca", "da", "de", "en", "es", "eu", "fa", "fr", "hr", "he", "it", "ja", "ka", "kr", "nb", "nl", "nn", "pl", "pt_BR", "ru",
        "sl", "sv", "tr", "ukr", "zh_CN", "zh_TW"
    ])]
    pub language: Option<String>,
    /// Where the cluster stands: `latitude=48.2,longitude=16.3,name=Wien`.
    #[attr(optional, length = 1.., check = texts::one_tidy_line)]
    pub location: Option<String>,
    /// How the addresses of new network cards begin.
    #[attr(keep, usual = "BC:24:11", regex = "^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){0,5}:?$", says = "such as `BC:24:11`")]
    pub mac_prefix: Option<String>,
    /// How many workers a node has at most for what is done to many guests at once.
    #[attr(optional, range = 1..)]
    pub max_workers: Option<u32>,
    /// How guests migrate.
    #[attr(optional)]
    pub migration: Option<Way>,
    /// Which ids new guests get.
    #[attr(optional, api = "next-id")]
    pub next_id: Option<Range>,
    /// What mails are sent about, where no notification matcher says it.
    #[attr(optional)]
    pub notify: Option<Notify>,
    /// Tags that only who may change this may give to guests.
    #[attr(optional, length = 1.., each = texts::tag, api = "registered-tags")]
    pub registered_tags: Option<BTreeSet<String>>,
    /// How guests are replicated.
    #[attr(optional)]
    pub replication: Option<Way>,
    /// How tags look.
    #[attr(optional, api = "tag-style")]
    pub tag_style: Option<TagStyle>,
    /// Settings for U2F keys.
    #[attr(optional)]
    pub u2f: Option<U2f>,
    /// Which tags users may give.
    #[attr(optional, api = "user-tag-access")]
    pub user_tag_access: Option<TagAccess>,
    /// Settings for WebAuthn.
    #[attr(optional)]
    pub webauthn: Option<Webauthn>,
    /// How long operations may take.
    #[attr(timeouts(create = "5m", update = "5m", delete = "5m"))]
    pub timeouts: Timeouts,
}

/// How HA chooses nodes.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
#[model(at_least_one(
    ha,
    ha_rebalance_on_start,
    ha_auto_rebalance,
    ha_auto_rebalance_hold_duration,
    ha_auto_rebalance_margin,
    ha_auto_rebalance_method,
    ha_auto_rebalance_threshold
))]
pub struct Scheduling {
    /// By what: `basic` (the number of guests), `static` (what they are configured to use) or `dynamic` (what they use).
    #[attr(optional, one_of = ["basic", "static", "dynamic"])]
    pub ha: Option<String>,
    /// Whether a node is chosen when a guest starts as well.
    #[attr(optional, api = "ha-rebalance-on-start")]
    pub ha_rebalance_on_start: Option<bool>,
    /// Whether guests are moved to balance the load. PVE 9.2.
    #[attr(optional, api = "ha-auto-rebalance")]
    pub ha_auto_rebalance: Option<bool>,
    /// For how many rounds the load has to be out of balance before a guest is moved.
    #[attr(optional, range = 0.., api = "ha-auto-rebalance-hold-duration")]
    pub ha_auto_rebalance_hold_duration: Option<u32>,
    /// How much better it has to become, in percent.
    #[attr(optional, range = 0..=100, api = "ha-auto-rebalance-margin")]
    pub ha_auto_rebalance_margin: Option<u32>,
    /// How the guest to move is found: `bruteforce` or `topsis`.
    #[attr(optional, one_of = ["bruteforce", "topsis"], api = "ha-auto-rebalance-method")]
    pub ha_auto_rebalance_method: Option<String>,
    /// How far the load has to be out of balance, in percent.
    #[attr(optional, range = 0..=100, api = "ha-auto-rebalance-threshold")]
    pub ha_auto_rebalance_threshold: Option<u32>,
}

/// What becomes of HA's guests when a node goes down.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct Shutdown {
    /// `freeze`, `failover`, `conditional` or `migrate`.
    #[attr(required, one_of = ["freeze", "failover", "conditional", "migrate"])]
    pub shutdown_policy: String,
}

/// How guests get from node to node.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct Way {
    /// `secure` (through SSH) or `insecure` (without encryption, faster).
    #[attr(required, one_of = ["secure", "insecure"], api = "=")]
    pub r#type: String,
    /// The network to take, in CIDR notation.
    #[attr(optional, length = 1.., check = texts::one_word)]
    pub network: Option<String>,
}

/// A range of ids.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
#[model(at_least_one(lower, upper))]
pub struct Range {
    /// The first. PVE: 100.
    #[attr(optional, range = 100..=999_999_999)]
    pub lower: Option<u32>,
    /// The first that is no longer in it. PVE: 1000000.
    #[attr(optional, range = 100..=1_000_000_000)]
    pub upper: Option<u32>,
}

/// What mails are sent about.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
#[model(at_least_one(package_updates, fencing, replication))]
pub struct Notify {
    /// Updates: `auto`, `always` or `never`.
    #[attr(optional, one_of = ["auto", "always", "never"], api = "package-updates")]
    pub package_updates: Option<String>,
    /// Nodes that were fenced: `always` or `never`.
    #[attr(optional, one_of = ["always", "never"])]
    pub fencing: Option<String>,
    /// Replication that failed: `always` or `never`.
    #[attr(optional, one_of = ["always", "never"])]
    pub replication: Option<String>,
}

/// How tags look.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
#[model(at_least_one(case_sensitive, color_map, ordering, shape))]
pub struct TagStyle {
    /// Whether upper and lower case differ.
    #[attr(optional, api = "case-sensitive")]
    pub case_sensitive: Option<bool>,
    /// Colours by tag, background and perhaps text: `db:ff0000`, `web:00ff00:000000`.
    #[attr(optional, length = 1.., each = colour, api = "color-map")]
    pub color_map: Option<BTreeSet<String>>,
    /// `alphabetical`, or `config` for the order in which they were given.
    #[attr(optional, one_of = ["config", "alphabetical"])]
    pub ordering: Option<String>,
    /// `full`, `circle`, `dense` or `none`.
    #[attr(optional, one_of = ["full", "circle", "dense", "none"])]
    pub shape: Option<String>,
}

/// Settings for U2F keys.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
#[model(at_least_one(appid, origin))]
pub struct U2f {
    /// The URL of the list of origins.
    #[attr(optional, length = 1.., check = texts::one_word)]
    pub appid: Option<String>,
    /// The origin, where the web interface has one only.
    #[attr(optional, length = 1.., check = texts::one_word)]
    pub origin: Option<String>,
}

/// Which tags users may give.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
#[model(at_least_one(user_allow, user_allow_list))]
pub struct TagAccess {
    /// `none`, `list` (those of `user_allow_list`), `existing` or `free`.
    #[attr(optional, one_of = ["none", "list", "existing", "free"], api = "user-allow")]
    pub user_allow: Option<String>,
    /// The tags of `list`.
    #[attr(optional, length = 1.., each = texts::tag, api = "user-allow-list")]
    pub user_allow_list: Option<BTreeSet<String>>,
}

/// Settings for WebAuthn.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
#[model(at_least_one(allow_subdomains, id, origin, rp))]
pub struct Webauthn {
    /// Whether names below `id` count as well.
    #[attr(optional, api = "allow-subdomains")]
    pub allow_subdomains: Option<bool>,
    /// The domain. Keys that users have registered stop working when it changes.
    #[attr(optional, length = 1.., check = texts::one_word)]
    pub id: Option<String>,
    /// The origin: `https://` and a name.
    #[attr(optional, length = 1.., check = texts::one_word)]
    pub origin: Option<String>,
    /// What users are shown.
    #[attr(optional, length = 1.., check = texts::one_word)]
    pub rp: Option<String>,
}

fn colour(text: &String) -> Result<(), String> {
    let mut parts = text.split(':');
    let named = parts.next().is_some_and(|name| texts::tag(&name.to_owned()).is_ok());
    let colours: Vec<&str> = parts.collect();
    let is = |colour: &&str| colour.len() == 6 && colour.chars().all(|c| c.is_ascii_hexdigit());
    match named && (1..=2).contains(&colours.len()) && colours.iter().all(is) {
        true => Ok(()),
        false => Err("must be `TAG:RRGGBB`, or with the colour of the text `TAG:RRGGBB:RRGGBB`".to_owned()),
    }
}

impl Section for ClusterOptions {
    const FAMILY: Family = Family {
        what: "Options of",
        path: "cluster/options",
        file: "datacenter.cfg",
        area: Area::Cluster,
        write: Right { path: "/", any: &["Sys.Modify"] },
        // Others are shown a few of them.
        sight: Sight::With(Right { path: "/", any: &["Sys.Audit"] }),
        made: Made::Already,
        blames: &[("boundary rule broken", "next_id")],
        spelt: &[("registered_tags", WORDS)],
        ..Family::PLAIN
    };

    const LEFT_OUT: &'static [(&'static str, &'static str)] = &[
        ("migration_unsecure", "PVE's old word for `migration`"),
        ("notify.target-fencing", "PVE's old way: matchers tell where notifications go"),
        ("notify.target-package-updates", "as `notify.target-fencing`"),
        ("notify.target-replication", "as `notify.target-fencing`"),
    ];

    const UNLIKE: &'static [(&'static str, &'static str)] = &[(
        "next_id",
        "PVE's description names these limits in words that it does not go by; no guest has a number outside",
    )];

    fn seen(&mut self, _live: &Live) {
        self.description = self.description.take().and_then(texts::note);
    }
}

plain!(ClusterOptions);
