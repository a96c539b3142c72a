//! `pve_firewall_rules`: the list of rules of a place.

use std::sync::Arc;

use pve_client::Request;
use serde::Deserialize;
use terraform_plugin::{Attr, Cx, Error, Findings, Model, Need, Nested, Path, Queried, Say, Seen, Timeouts};

use crate::ground::error::Problem;
use crate::ground::pve::Pve;
use crate::ground::texts;
use crate::section::{Family, OwnRight, Section, ids, listed, lives, said_again};

use super::{AREA, place, work};

/// What there may be no place for.
pub const RULES: &str = "firewall rules";

/// The firewall's rules of one place, all of them and in their order: rules have no name but their position.
///
/// A change touches as little as can be. New rules are put in their places switched off, then switched on from the first to
/// the last, and only then the old ones are taken away, from the last to the first: at no time is there a hole that neither
/// the old list nor the new one has. A rule that is only switched on or off stays in its place. Rules of somebody else in the
/// same place are taken away; where there are some before the first apply, it asks for their import.
///
/// PVE looks at rules every ten seconds, and only where the firewall is enabled.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "firewall_rules", area = "Firewall", key(place))]
pub struct FirewallRules {
    /// Whose rules: `cluster`, `node/pve1`, `vm/101`, `ct/102` (a container), or `group/web` (a security group).
    #[attr(
        required,
        replace,
        regex = place::WITH_RULES,
        says = "`cluster`, `node/NAME`, `vm/NUMBER`, `ct/NUMBER` or `group/NAME` in lower case"
    )]
    pub place: String,
    /// The rules, the first that fits decides. Without any there is nothing to manage. Mind the spelling within a rule:
    /// Terraform drops what it does not know there without a word, so that a `souce` lets everybody in.
    #[attr(required, length = 1..)]
    pub rules: Vec<Rule>,
    /// How long operations may take.
    #[attr(timeouts(create = "10m", update = "10m", delete = "10m"))]
    pub timeouts: Timeouts,
}

/// A rule.
#[derive(Nested, Deserialize, Clone, Debug, Default, PartialEq)]
pub struct Rule {
    /// Which packets: `in`, `out`, `forward`; or `group`, which stands for the rules of a security group.
    #[attr(required, one_of = ["in", "out", "forward", "group"])]
    pub r#type: String,
    /// What becomes of them: `ACCEPT`, `DROP`, `REJECT`; with `group` the name of the security group.
    #[attr(required, length = 2..=20, regex = r"^[A-Za-z][A-Za-z0-9_-]+$", says = "`ACCEPT`, `DROP`, `REJECT` or the name of a group")]
    pub action: String,
    /// Whether it counts.
    #[attr(default = true)]
    #[serde(default, deserialize_with = "pve_client::wire::boolean")]
    pub enable: bool,
    /// A note.
    #[attr(optional, length = 1.., check = texts::one_tidy_line, check = texts::not_blank)]
    pub comment: Option<String>,
    /// Where packets go: an address, a network, a range, `+SET`, an alias, or a list of addresses with commas.
    #[attr(optional, length = 1..=512, regex = r"^\S+$", says = "without blanks")]
    pub dest: Option<String>,
    /// To which ports: `22`, `80,443`, `8000:8010`. Needs `proto`.
    #[attr(optional, length = 1.., regex = r"^\S+$", says = "without blanks")]
    pub dport: Option<String>,
    /// Which kind of ICMP, such as `echo-request`. Needs `proto`.
    #[attr(optional, length = 1.., regex = r"^\S+$", says = "without blanks", api = "icmp-type")]
    #[serde(rename = "icmp-type")]
    pub icmp_type: Option<String>,
    /// The interface: of a node its name, of a guest `net0`.
    #[attr(optional, length = 2..=20, regex = r"^\S+$", says = "without blanks")]
    pub iface: Option<String>,
    /// What is logged: `emerg`, `alert`, `crit`, `err`, `warning`, `notice`, `info`, `debug` or `nolog`.
    #[attr(optional, one_of = place::LEVELS)]
    pub log: Option<String>,
    /// A set of protocols and ports that PVE knows by name: `SSH`, `HTTPS`.
    #[attr(optional, length = 1..=128, regex = r"^\S+$", says = "without blanks", same = texts::same_but_case)]
    pub r#macro: Option<String>,
    /// The protocol: `tcp`, `udp`, `icmp`, ...
    #[attr(optional, length = 1.., regex = r"^\S+$", says = "without blanks")]
    pub proto: Option<String>,
    /// Where packets come from; as `dest`.
    #[attr(optional, length = 1..=512, regex = r"^\S+$", says = "without blanks")]
    pub source: Option<String>,
    /// From which ports; as `dport`.
    #[attr(optional, length = 1.., regex = r"^\S+$", says = "without blanks")]
    pub sport: Option<String>,
}

impl Rule {
    /// The parameters that make it.
    pub fn onto(&self, request: Request) -> Request {
        request
            .param("type", &self.r#type)
            .param("action", &self.action)
            .flag("enable", self.enable)
            .opt("comment", self.comment.as_ref())
            .opt("dest", self.dest.as_ref())
            .opt("dport", self.dport.as_ref())
            .opt("icmp-type", self.icmp_type.as_ref())
            .opt("iface", self.iface.as_ref())
            .opt("log", self.log.as_ref())
            .opt("macro", self.r#macro.as_ref())
            .opt("proto", self.proto.as_ref())
            .opt("source", self.source.as_ref())
            .opt("sport", self.sport.as_ref())
    }

    /// The form in which rules are compared: PVE spells macros in its own way.
    pub fn folded(&self) -> Self {
        Self { r#macro: self.r#macro.as_ref().map(|name| name.to_lowercase()), ..self.clone() }
    }

    /// The same, switched off.
    pub fn off(&self) -> Self {
        Self { enable: false, ..self.clone() }
    }
}

impl Section for FirewallRules {
    const FAMILY: Family = Family { what: "Firewall rules of", ..Family::PLAIN };

    /// What PVE would take and lose, or take and never use.
    fn validate(config: &FirewallRulesPlan, say: &mut Say<Self>) {
        let guest = config.place.text().is_some_and(|place| place.starts_with("vm/") || place.starts_with("ct/"));
        for (n, rule) in config.rules.known().into_iter().flatten().enumerate() {
            let Some(rule) = rule.known() else { continue };
            let at = Path::attr("rules").index(n);
            if rule.r#type.text().is_some_and(|kind| kind != "group") {
                packets(rule, guest, &at, say);
                continue;
            }
            if rule.r#type.text().is_none() {
                continue;
            }
            let RulePlan { dest, dport, icmp_type, log, r#macro, proto, source, sport, .. } = rule;
            if ![dest, dport, icmp_type, log, r#macro, proto, source, sport].into_iter().all(Attr::is_null) {
                say.error(
                    at.clone(),
                    "A rule that stands for a group has more than PVE keeps",
                    "PVE keeps `action`, `iface`, `enable` and `comment` of it, and would lose the rest without a word.",
                );
            }
            if rule.action.text().is_some_and(|group| group.chars().any(|c| c.is_ascii_uppercase())) {
                say.error(
                    at.at("action"),
                    "A security group in upper case",
                    "PVE knows groups in lower case only: it would take the rule, and it would never fit.",
                );
            }
        }
    }

    fn needs() -> Vec<Need> {
        let group = |need: Need| need.only("place", "group/");
        let groups = [Need::to_plan("/", &["Sys.Audit"]), Need::to_apply("/", &["Sys.Modify"])].map(group);
        place::needs().into_iter().chain(groups).collect()
    }

    fn write(key: &FirewallRulesKey) -> Vec<OwnRight> {
        vec![place::write(&key.place)]
    }

    fn sight(key: &FirewallRulesKey) -> Option<OwnRight> {
        Some(place::sight(&key.place))
    }

    /// A list without rules is none.
    async fn find(cx: &Cx<Pve>, key: &FirewallRulesKey) -> Result<Option<Self>, Problem> {
        let Some(path) = place::rules(cx, &key.place).await? else { return Ok(None) };
        let doing = format!("Cannot read the firewall rules of {}", key.place);
        let rules: Arc<Vec<Rule>> = match cx.client.shared(AREA, Request::get(path)).await {
            Ok(rules) => rules,
            Err(error) if error.is_absent() => return Ok(None),
            Err(error) => return Err(Problem::during(doing, error)),
        };
        let rules = (*rules).clone();
        Ok((!rules.is_empty()).then(|| Self { place: key.place.clone(), rules, timeouts: Timeouts::default() }))
    }

    async fn make(cx: &Cx<Pve>, want: &Self) -> Result<Self, Problem> {
        work::bring(cx, &want.place, &want.rules).await?;
        Ok(want.clone())
    }

    async fn change(cx: &Cx<Pve>, _prior: &Self, want: &Self) -> Result<Self, Problem> {
        said_again(cx, want).await
    }

    async fn end(cx: &Cx<Pve>, was: &Self) -> Result<(), Problem> {
        work::bring(cx, &was.place, &[]).await
    }

    /// Whoever was cut off has left some of the rules, perhaps switched off still.
    fn agrees(want: &Self, live: &Self) -> bool {
        let wanted = |rule: &Rule| want.rules.iter().any(|one| one.off().folded() == rule.off().folded());
        live.rules.iter().all(wanted)
    }

    async fn settle(cx: &Cx<Pve>, want: &Self, known: Option<&Self>, live: Self) -> Result<Self, Problem> {
        match known {
            Some(_) => Ok(live),
            None => Self::change(cx, &live, want).await,
        }
    }

    async fn possible(
        cx: &Cx<Pve>,
        want: &FirewallRulesPlan,
        _prior: Option<&Self>,
        found: &mut Findings<Self>,
    ) -> Result<(), Error> {
        if let Some(place) = want.place.text() {
            place::must_exist(cx, place, RULES, found).await?;
        }
        groups_exist(cx, want, found).await
    }
}

/// A rule that stands for a group which is not there: PVE takes it without a word, and nothing is let in, or kept out, by it.
async fn groups_exist(
    cx: &Cx<Pve>,
    want: &FirewallRulesPlan,
    found: &mut Findings<FirewallRules>,
) -> Result<(), Error> {
    let rules = want.rules.known().into_iter().flatten().enumerate().filter_map(|(n, rule)| Some((n, rule.known()?)));
    let groups: Vec<(usize, &str)> = rules
        .filter(|(_, rule)| rule.r#type.text() == Some("group"))
        .filter_map(|(n, rule)| Some((n, rule.action.text()?)))
        .collect();
    if groups.is_empty() || !found.is_plan() {
        return Ok(());
    }
    let there = ids(cx, "cluster/firewall/groups", AREA, "group").await?;
    for (n, group) in groups.into_iter().filter(|(_, group)| !there.contains(*group)) {
        let problem = Problem::new(
            "A firewall rule stands for a security group that does not exist",
            format!("There is no \"{group}\"; there are: {}. PVE takes the rule, and nothing fits it.", listed(&there)),
        );
        found.notice(problem.at(Path::attr("rules").index(n).at("action")));
    }
    Ok(())
}

/// A network card as guests have them.
fn is_card(iface: &str) -> bool {
    iface.strip_prefix("net").is_some_and(|n| !n.is_empty() && n.chars().all(|c| c.is_ascii_digit()))
}

/// What PVE refuses of a rule about packets, whatever the cluster.
fn packets(rule: &RulePlan, guest: bool, at: &Path, say: &mut Say<FirewallRules>) {
    if let Some(iface) = rule.iface.text().filter(|iface| guest && !is_card(iface)) {
        say.error(
            at.at("iface"),
            "A guest has no such interface",
            format!("Found \"{iface}\". Of a guest PVE takes its network card, `net0`, `net1`, ...: not the guest's own name for it."),
        );
    }
    if let Some(action) = rule.action.text().filter(|action| !["ACCEPT", "DROP", "REJECT"].contains(action)) {
        say.error(
            at.at("action"),
            "No action for packets",
            format!("Found \"{action}\"; there are `ACCEPT`, `DROP` and `REJECT`. A security group goes with `type = \"group\"`."),
        );
    }
    for (name, ports) in [("dport", &rule.dport), ("sport", &rule.sport), ("icmp_type", &rule.icmp_type)] {
        if ports.text().is_some() && rule.proto.is_null() {
            say.error(
                at.at(name),
                format!("`{name}` needs `proto`"),
                "Set `proto` too, such as `tcp`, or take it out; a macro brings ports and protocol along.",
            );
        }
    }
    for (name, ports) in [("dport", &rule.dport), ("sport", &rule.sport)] {
        if let Some(wrong) = ports.text().into_iter().flat_map(|ports| ports.split(',')).find(|port| !is_port(port)) {
            say.error(
                at.at(name),
                "No port",
                format!("Found \"{wrong}\". A port is a number or a service's name; a range has a colon: `8000:8010`."),
            );
        }
    }
}

/// Whether PVE may know it: a number, a range, or the name of a service. Which numbers and names there are is PVE's business.
fn is_port(text: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    match text.split_once(':') {
        Some((first, last)) => is_number(first) && is_number(last),
        None => is_number(text) || text.contains(|c: char| c.is_ascii_alphabetic()),
    }
}

lives!(FirewallRules);

impl Queried<Pve> for FirewallRules {
    async fn seek(cx: &Cx<Pve>) -> Result<Vec<Seen<Self>>, Error> {
        let mut all = Vec::new();
        let kinds = ["cluster", "node", "vm", "ct", "group"];
        for place in place::all(cx, &kinds, "pve_firewall_rules", &mut all).await? {
            match Self::find(cx, &FirewallRulesKey { place }).await {
                Ok(found) => all.extend(found.map(Seen::whole)),
                Err(problem) => all.push(Seen::Missed(problem.into())),
            }
        }
        Ok(all)
    }
}
