//! Whether a pool's copies can be placed, and what is left when a host dies: the findings, told with their arithmetic.

use super::placement::{Copies, Placement, Rule};
use super::topology::Topology;

/// The rule that a pool gets when none is named.
pub const DEFAULT_RULE: &str = "replicated_rule";

/// What is wrong with a pool's copies: one line, and the arithmetic with a way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// One line.
    pub summary: String,
    /// The arithmetic, and what would work.
    pub detail: String,
}

/// Whether a pool can never be placed, whatever else is planned: its rule wants more hosts than there are nodes.
/// OSDs, racks and rooms can be added by somebody else, so nothing is certain about those.
pub fn certain_to_fail(pool: &str, rule: &str, copies: Copies, topology: &Topology) -> Option<Finding> {
    let rule = known_rule(rule, topology)?;
    let hosts = topology.hosts.len();
    // Below a root that is not the whole tree there may be fewer, and hosts can be moved there.
    (rule.failure_domain == "host" && hosts > 0 && copies.size > hosts)
        .then(|| infeasible(pool, &rule, copies, hosts, "hosts", topology))
}

/// Whether a pool cannot be placed on the members that exist.
pub fn unplaceable(pool: &str, rule: &str, copies: Copies, topology: &Topology) -> Option<Finding> {
    let rule = known_rule(rule, topology)?;
    let placement = Placement::of(&rule, &topology.members, copies);
    let unit = plural(&rule.failure_domain);
    (!placement.feasible()).then(|| infeasible(pool, &rule, copies, placement.domains, &unit, topology))
}

/// The summary of what [`risk`] finds, the same for every pool: Terraform shows equal ones once.
pub const RISK: &str = "The death of one host stops a pool";

/// Whether the death of one host stops the pool's I/O. Further members only raise the risk, so what is known in part
/// is enough to warn.
pub fn risk(pool: &str, rule: &str, copies: Copies, topology: &Topology) -> Option<Finding> {
    let rule = known_rule(rule, topology)?;
    let placement = Placement::of(&rule, &topology.members, copies);
    if placement.per_host.is_empty() || placement.survives_host_loss() {
        return None;
    }
    let (most, left) = (placement.most_on_one_host(), placement.left_after_host_loss());
    let host = placement.per_host.first().map_or("", |(host, _)| host.as_str());
    // What is advised never takes writes with a single copy left.
    let safe = Copies { min_size: copies.min_size.max(2), ..copies };
    let cure = match Placement::of(&rule, &topology.members, safe).surviving_size() {
        Some(size) => format!("size = {size} with min_size = {} survives it here.", safe.min_size),
        // Fewer than half of the copies are few to go on with.
        None if left >= 2 && 2 * left >= copies.size => format!("min_size = {left} survives it here."),
        None if rule.failure_domain == "osd" => {
            "A rule with failure_domain = \"host\", or more hosts, would survive it.".to_owned()
        }
        None => format!("size = {} would survive it, on so many hosts.", safe.min_size + 1),
    };
    Some(Finding {
        summary: format!("Pool \"{pool}\" {copies} stops when one host dies"),
        detail: format!(
            "Rule \"{}\" keeps copies apart by {}: up to {most} of {} copies can lie on one host (such as {host}). When \
             that host dies {left} {} left, fewer than min_size {}: I/O stops, and HA restarts virtual machines that then \
             hang.\n{cure}",
            rule.name,
            rule.failure_domain,
            copies.size,
            if left == 1 { "is" } else { "are" },
            copies.min_size,
        ),
    })
}

fn known_rule(name: &str, topology: &Topology) -> Option<Rule> {
    let default = || Rule {
        name: DEFAULT_RULE.to_owned(),
        failure_domain: "host".to_owned(),
        root: "default".to_owned(),
        device_class: None,
    };
    topology.rules.get(name).cloned().or_else(|| (name == DEFAULT_RULE).then(default))
}

fn infeasible(pool: &str, rule: &Rule, copies: Copies, found: usize, unit: &str, topology: &Topology) -> Finding {
    let size = copies.size;
    let works = topology.rules.values().find_map(|other| {
        let placement = Placement::of(other, &topology.members, copies);
        (other.name != rule.name && placement.feasible()).then(|| describe(other, &placement))
    });
    let works = works.unwrap_or_else(|| match rule.failure_domain.as_str() {
        "osd" => format!("Add OSDs, or keep at most {found} copies."),
        _ => format!(
            "Keep at most {found} copies, or use a rule whose failure_domain is \"osd\" (`pve_ceph_crush_rule`): it puts \
             several copies on one host."
        ),
    });
    Finding {
        summary: format!("Pool \"{pool}\" {copies} cannot be placed by rule \"{}\"", rule.name),
        detail: format!(
            "The rule wants {size} {unit}; the cluster has {found}: every PG would stay undersized.\n{works}"
        ),
    }
}

fn describe(rule: &Rule, placement: &Placement) -> String {
    let osds: usize = placement.per_host.iter().map(|(_, n)| n).sum();
    let Copies { size, min_size } = placement.copies;
    let least = placement.left_after_host_loss();
    let goes_on = if placement.survives_host_loss() { "I/O goes on" } else { "I/O stops" };
    format!(
        "\"{}\" works: {osds} OSDs, copies {} per host. Losing one host leaves at least {least} of {size} copies (min_size \
         {min_size}): {goes_on}.",
        rule.name,
        placement.spread()
    )
}

fn plural(domain: &str) -> String {
    match domain {
        "osd" => "OSDs".to_owned(),
        other => format!("{other}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ceph::placement::Member;

    fn topology(per_host: usize) -> Topology {
        let rule = |name: &str, domain: &str| Rule {
            name: name.into(),
            failure_domain: domain.into(),
            root: "default".into(),
            device_class: None,
        };
        let hosts = ["fra", "nyc", "sgp"];
        let members = hosts.iter().flat_map(|host| {
            (0..per_host).map(|_| Member {
                osd: None,
                host: (*host).to_owned(),
                device_class: None,
                above: [("root".to_owned(), "default".to_owned())].into(),
            })
        });
        Topology {
            members: members.collect(),
            rules: [rule("replicated_rule", "host"), rule("by_osd", "osd")].map(|r| (r.name.clone(), r)).into(),
            hosts: hosts.map(str::to_owned).into(),
            ..Topology::default()
        }
    }

    const FIVE: Copies = Copies { size: 5, min_size: 3 };

    #[test]
    fn five_copies_on_three_hosts_are_refused_with_the_rule_that_works() {
        let found = certain_to_fail("vm", "replicated_rule", FIVE, &topology(2)).unwrap();
        assert_eq!(found.summary, "Pool \"vm\" 5/3 cannot be placed by rule \"replicated_rule\"");
        assert_eq!(
            found.detail,
            "The rule wants 5 hosts; the cluster has 3: every PG would stay undersized.\n\"by_osd\" works: 6 OSDs, copies \
             2/2/1 per host. Losing one host leaves at least 3 of 5 copies (min_size 3): I/O goes on."
        );
    }

    #[test]
    fn it_is_certain_before_anything_exists() {
        let nothing = Topology { hosts: topology(0).hosts, ..Topology::default() };
        let found = certain_to_fail("vm", DEFAULT_RULE, FIVE, &nothing).unwrap();
        assert!(found.detail.contains("failure_domain is \"osd\""), "{}", found.detail);
        assert_eq!(certain_to_fail("vm", "not_known_yet", FIVE, &nothing), None);
        assert_eq!(certain_to_fail("vm", DEFAULT_RULE, FIVE, &Topology::default()), None);
    }

    #[test]
    fn missing_osds_are_never_certain_to_stay_missing() {
        assert_eq!(certain_to_fail("vm", "by_osd", FIVE, &topology(1)), None);
        assert!(unplaceable("vm", "by_osd", FIVE, &topology(1)).is_some());
    }

    #[test]
    fn a_single_copy_is_never_advised() {
        let found = risk("vm", "by_osd", Copies { size: 2, min_size: 1 }, &topology(2)).unwrap();
        assert!(found.detail.contains("size = 4 with min_size = 2 survives it here."), "{}", found.detail);
    }

    #[test]
    fn what_is_advised_where_every_copy_is_needed_fits_the_rule() {
        let told = |size, min_size| {
            risk("vm", "replicated_rule", Copies { size, min_size }, &topology(2))
                .unwrap()
                .detail
                .split_once('\n')
                .unwrap()
                .1
                .to_owned()
        };
        assert_eq!(told(3, 3), "min_size = 2 survives it here.");
        assert_eq!(told(2, 2), "size = 3 with min_size = 2 survives it here.");
        let two = Topology { members: topology(1).members[..2].to_vec(), ..topology(1) };
        let found = risk("vm", "replicated_rule", Copies { size: 2, min_size: 2 }, &two).unwrap();
        assert!(found.detail.ends_with("size = 3 would survive it, on so many hosts."), "{}", found.detail);
    }

    #[test]
    fn three_of_two_by_osd_is_a_risk_and_five_of_three_is_not() {
        let found = risk("vm", "by_osd", Copies { size: 3, min_size: 2 }, &topology(2)).unwrap();
        assert!(found.detail.contains("up to 2 of 3 copies"), "{}", found.detail);
        assert!(found.detail.contains("size = 4"), "{}", found.detail);
        assert_eq!(risk("vm", "by_osd", FIVE, &topology(2)), None);
        assert_eq!(risk("vm", "by_osd", Copies { size: 3, min_size: 2 }, &topology(0)), None);
    }
}
