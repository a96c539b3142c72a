//! `pve_firewall_options`: the firewall's settings of a place.

use std::collections::BTreeSet;

use serde_json::Value as Json;
use terraform_plugin::schema::Rule;
use terraform_plugin::value::Value;
use terraform_plugin::{Cx, Error, Findings, Model, Need, Nested, Object, Path, Queried, Say, Seen, Timeouts};

use crate::ground::error::Problem;
use crate::ground::pve::Pve;
use crate::section::{Family, Made, OwnRight, Section, Spelling, lives};

use super::{AREA, place};

/// The firewall's settings of one place: of the cluster, of a node, of a guest.
///
/// They are always there: creating this changes them. What is set in PVE and not here is taken away, which the plan tells.
/// Destroying it takes away what is set, so that PVE's own values hold again.
///
/// Each kind of place has settings of its own, named below. Nothing is filtered anywhere while the firewall of the cluster is
/// off. A guest's packets are filtered where its own is on as well, and `firewall` of the network card.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "firewall_options", area = "Firewall", key(place))]
pub struct FirewallOptions {
    /// Whose settings: `cluster`, `node/pve1`, `vm/101`, or `ct/102` (a container).
    #[attr(required, replace, regex = place::WITH_OPTIONS, says = "`cluster`, `node/NAME`, `vm/NUMBER` or `ct/NUMBER`")]
    pub place: String,
    /// Whether the firewall is on. PVE: on nodes it is, in the cluster and of guests it is not.
    #[attr(optional)]
    pub enable: Option<bool>,
    /// Of guests: whether DHCP is let through. PVE: no.
    #[attr(optional)]
    pub dhcp: Option<bool>,
    /// Of the cluster: whether bridges are filtered as well (ebtables). PVE: yes.
    #[attr(optional)]
    pub ebtables: Option<bool>,
    /// Of guests: whether they may send from their own addresses only, as the sets `ipfilter-net0` and so on tell. PVE: no.
    #[attr(optional)]
    pub ipfilter: Option<bool>,
    /// Of nodes: what is logged of packets that pass through.
    #[attr(optional, one_of = place::LEVELS)]
    pub log_level_forward: Option<String>,
    /// Of nodes and guests: what is logged of packets that come in.
    #[attr(optional, one_of = place::LEVELS)]
    pub log_level_in: Option<String>,
    /// Of nodes and guests: what is logged of packets that go out.
    #[attr(optional, one_of = place::LEVELS)]
    pub log_level_out: Option<String>,
    /// Of nodes: whether connections are logged. PVE: no.
    #[attr(optional)]
    pub log_nf_conntrack: Option<bool>,
    /// Of the cluster: how much is logged at most.
    #[attr(optional)]
    pub log_ratelimit: Option<RateLimit>,
    /// Of guests: whether they may send from the hardware addresses of their cards only. PVE: yes.
    #[attr(optional)]
    pub macfilter: Option<bool>,
    /// Of nodes and guests: whether the neighbour discovery of IPv6 is let through. PVE: yes.
    #[attr(optional)]
    pub ndp: Option<bool>,
    /// Of nodes: whether packets are let through that belong to no connection. PVE: no.
    #[attr(optional)]
    pub nf_conntrack_allow_invalid: Option<bool>,
    /// Of nodes: protocols whose connections are followed: `amanda`, `ftp`, `irc`, `netbios-ns`, `pptp`, `sane`, `sip`, `snmp`,
    /// `tftp`.
    #[attr(optional, length = 1.., each = helper)]
    pub nf_conntrack_helpers: Option<BTreeSet<String>>,
    /// Of nodes: how many connections are followed at most. PVE: 262144.
    #[attr(optional, range = 32768..)]
    pub nf_conntrack_max: Option<u64>,
    /// Of nodes: for how many seconds an open connection is followed. PVE: 432000.
    #[attr(optional, range = 7875..)]
    pub nf_conntrack_tcp_timeout_established: Option<u64>,
    /// Of nodes: for how many seconds a connection is followed that is being opened. PVE: 60.
    #[attr(optional, range = 30..=60)]
    pub nf_conntrack_tcp_timeout_syn_recv: Option<u64>,
    /// Of nodes: whether the firewall is that on nftables. PVE: no.
    #[attr(optional)]
    pub nftables: Option<bool>,
    /// Of nodes: whether packets with forged senders are dropped (smurfs). PVE: yes.
    #[attr(optional)]
    pub nosmurfs: Option<bool>,
    /// Of the cluster: what becomes of packets that pass through and no rule is about: `ACCEPT` or `DROP`. PVE: `ACCEPT`.
    #[attr(optional, one_of = ["ACCEPT", "DROP"])]
    pub policy_forward: Option<String>,
    /// Of the cluster and guests: what becomes of packets that come in and no rule is about: `ACCEPT`, `REJECT` or `DROP`.
    /// PVE: `DROP`.
    #[attr(optional, one_of = ["ACCEPT", "REJECT", "DROP"])]
    pub policy_in: Option<String>,
    /// Of the cluster and guests: the same of those that go out. PVE: `ACCEPT`.
    #[attr(optional, one_of = ["ACCEPT", "REJECT", "DROP"])]
    pub policy_out: Option<String>,
    /// Of nodes: whether floods of new connections are held off. PVE: no.
    #[attr(optional)]
    pub protection_synflood: Option<bool>,
    /// Of nodes: how many new connections an address may open at once. PVE: 1000.
    #[attr(optional)]
    pub protection_synflood_burst: Option<u64>,
    /// Of nodes: how many in a second. PVE: 200.
    #[attr(optional)]
    pub protection_synflood_rate: Option<u64>,
    /// Of guests: whether they may announce themselves as routers of IPv6. PVE: no.
    #[attr(optional)]
    pub radv: Option<bool>,
    /// Of nodes: what is logged of `nosmurfs`.
    #[attr(optional, one_of = place::LEVELS)]
    pub smurf_log_level: Option<String>,
    /// Of nodes: what is logged of `tcpflags`.
    #[attr(optional, one_of = place::LEVELS)]
    pub tcp_flags_log_level: Option<String>,
    /// Of nodes: whether packets with impossible flags are dropped. PVE: no.
    #[attr(optional)]
    pub tcpflags: Option<bool>,
    /// How long operations may take.
    #[attr(timeouts(create = "5m", update = "5m", delete = "5m"))]
    pub timeouts: Timeouts,
}

/// How much is logged.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct RateLimit {
    /// Whether there is a limit.
    #[attr(required, api = "=")]
    pub enable: bool,
    /// How many lines may come at once. PVE: 5.
    #[attr(optional, range = 0..)]
    pub burst: Option<u64>,
    /// How many in a time: `5/second`, `10/minute`. PVE: `1/second`.
    #[attr(optional, regex = r"^[1-9][0-9]*/(second|minute|hour|day)$", says = "such as `5/second` or `10/minute`")]
    pub rate: Option<String>,
}

fn helper(text: &String) -> Result<(), String> {
    const HELPERS: [&str; 9] = ["amanda", "ftp", "irc", "netbios-ns", "pptp", "sane", "sip", "snmp", "tftp"];
    match HELPERS.contains(&text.as_str()) {
        true => Ok(()),
        false => Err(format!("must be one of: {}", HELPERS.join(", "))),
    }
}

/// Of the cluster it is a number: above 1 it is a time at which somebody has switched it on for a minute, to try it.
const SWITCH: Spelling = Spelling {
    texts: |value| value.as_bool().map(|on| u8::from(on).to_string()).into_iter().collect(),
    value: |json| match json {
        Json::Null => Ok(Value::Null),
        json => Ok(Value::Bool([Json::from(1), Json::from("1"), Json::from(true)].contains(json))),
    },
};

/// The options that a place has by its kind, as attributes.
pub fn of_place(place: &str) -> &'static [&'static str] {
    match place.split('/').next() {
        Some("cluster") => &["ebtables", "enable", "log_ratelimit", "policy_forward", "policy_in", "policy_out"],
        Some("node") => &[
            "enable",
            "log_level_forward",
            "log_level_in",
            "log_level_out",
            "log_nf_conntrack",
            "ndp",
            "nf_conntrack_allow_invalid",
            "nf_conntrack_helpers",
            "nf_conntrack_max",
            "nf_conntrack_tcp_timeout_established",
            "nf_conntrack_tcp_timeout_syn_recv",
            "nftables",
            "nosmurfs",
            "protection_synflood",
            "protection_synflood_burst",
            "protection_synflood_rate",
            "smurf_log_level",
            "tcp_flags_log_level",
            "tcpflags",
        ],
        _ => &[
            "dhcp",
            "enable",
            "ipfilter",
            "log_level_in",
            "log_level_out",
            "macfilter",
            "ndp",
            "policy_in",
            "policy_out",
            "radv",
        ],
    }
}

impl Section for FirewallOptions {
    const FAMILY: Family = Family {
        what: "Firewall options of",
        path: "cluster/firewall/options",
        file: "firewall",
        area: AREA,
        made: Made::Already,
        digest: true,
        spelt: &[("enable", SWITCH)],
        ..Family::PLAIN
    };

    const UNLIKE: &'static [(&'static str, &'static str)] = &[
        ("enable", "PVE takes a number above 1 to try it for a minute, and stores the time"),
        ("protection_synflood_burst", "PVE names no least one, and below none there is none"),
        ("protection_synflood_rate", "PVE names no least one, and below none there is none"),
    ];

    fn validate(config: &FirewallOptionsPlan, say: &mut Say<Self>) {
        let Some(place) = config.place.text() else { return };
        let (has, values) = (of_place(place), Self::encode_plan(config));
        let options = Self::attributes();
        let options = options.iter().filter(|attribute| attribute.rule == Rule::Optional && !attribute.local);
        for name in options.map(|attribute| attribute.name.as_str()).filter(|name| !has.contains(name)) {
            if !matches!(values[name], Value::Null | Value::Unknown) {
                say.error(
                    Path::attr(name),
                    format!("The firewall of {place} has no `{name}`"),
                    format!("It has: {}.", has.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")),
                );
            }
        }
    }

    fn needs() -> Vec<Need> {
        place::needs()
    }

    fn write(key: &FirewallOptionsKey) -> Vec<OwnRight> {
        vec![place::write(&key.place)]
    }

    fn sight(key: &FirewallOptionsKey) -> Option<OwnRight> {
        Some(place::sight(&key.place))
    }

    async fn lies(cx: &Cx<Pve>, key: &FirewallOptionsKey) -> Result<Option<String>, Problem> {
        Ok(place::firewall(cx, &key.place).await?.map(|firewall| format!("{firewall}/options")))
    }

    async fn possible(
        cx: &Cx<Pve>,
        want: &FirewallOptionsPlan,
        prior: Option<&Self>,
        found: &mut Findings<Self>,
    ) -> Result<(), Error> {
        let Some(place) = want.place.text() else { return Ok(()) };
        place::must_exist(cx, place, "firewall options", found).await?;
        let on = want.enable.known() == Some(&true);
        if place == "cluster" && on && found.is_plan() && prior.is_none_or(|prior| prior.enable != Some(true)) {
            let key = FirewallOptionsKey { place: place.to_owned() };
            let live = if prior.is_none() { Self::find(cx, &key).await? } else { None };
            if live.is_none_or(|live| live.enable != Some(true)) {
                found.notice(locks_out());
            }
        }
        Ok(())
    }
}

/// Whoever is not in the cluster's own network may have no way back.
fn locks_out() -> Problem {
    Problem::new(
        "The firewall is switched on in the whole cluster",
        "Within ten seconds all nodes drop what no rule lets in, unless `policy_in` or their own `enable` says otherwise. SSH and \
         port 8006 stay open to the nodes' own network and to the set `management` only: whoever comes from elsewhere, this \
         provider too, needs a rule before. `pve-firewall stop` in a node's console opens it again.",
    )
}

lives!(FirewallOptions);

/// Where nothing is set, there is nothing to manage.
impl Queried<Pve> for FirewallOptions {
    async fn seek(cx: &Cx<Pve>) -> Result<Vec<Seen<Self>>, Error> {
        let mut all = Vec::new();
        for place in place::all(cx, &["cluster", "node", "vm", "ct"], "pve_firewall_options", &mut all).await? {
            match Self::find(cx, &FirewallOptionsKey { place: place.clone() }).await {
                Ok(found) => {
                    let nothing = Self { place, ..Self::default() };
                    all.extend(found.filter(|found| *found != nothing).map(Seen::whole));
                }
                Err(problem) => all.push(Seen::Missed(problem.into())),
            }
        }
        Ok(all)
    }
}
