//! The arithmetic of copies: can a rule place them, and what is left when a host dies.
//!
//! Pure: it knows CRUSH's members and nothing of the network. Members count, never `up` or `in`,
//! so that a dead node neither fails a plan nor hides a risk.

pub mod told;
pub mod tree;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// One OSD as CRUSH sees it, existing or planned.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Member {
    /// The OSD's number; `None` while it is only planned.
    pub osd: Option<u32>,
    /// The CRUSH host it lies in.
    pub host: String,
    /// Its device class; `None` when not known yet.
    pub device_class: Option<String>,
    /// The buckets above it, by CRUSH type (`host`, `rack`, `root`, ...); empty when not known.
    pub above: BTreeMap<String, String>,
}

/// Which members a rule may use, and what it spreads copies over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The rule's name, for messages.
    pub name: String,
    /// CRUSH type of the failure domain: `osd`, `host`, `rack`, ...
    pub failure_domain: String,
    /// The bucket where it begins: a root, or anything below one.
    pub root: String,
    /// The device class it is restricted to.
    pub device_class: Option<String>,
}

/// How many copies, and how many must be there for I/O.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copies {
    /// Copies kept.
    pub size: usize,
    /// Copies below which I/O stops.
    pub min_size: usize,
}

impl fmt::Display for Copies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.size, self.min_size)
    }
}

/// What a rule makes of a number of copies on given members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// The failure domain counted.
    pub failure_domain: String,
    /// How many of it there are.
    pub domains: usize,
    /// Eligible OSDs per host, biggest first.
    pub per_host: Vec<(String, usize)>,
    /// The copies looked at.
    pub copies: Copies,
}

impl Placement {
    /// Counts what `rule` may use among `members`.
    pub fn of(rule: &Rule, members: &[Member], copies: Copies) -> Self {
        let eligible: Vec<&Member> = members.iter().filter(|m| rule.takes(m)).collect();
        let mut hosts: BTreeMap<&str, usize> = BTreeMap::new();
        for member in &eligible {
            *hosts.entry(&member.host).or_default() += 1;
        }
        let domains = match rule.failure_domain.as_str() {
            "osd" => eligible.len(),
            "host" => hosts.len(),
            other => eligible.iter().filter_map(|m| m.above.get(other)).collect::<BTreeSet<_>>().len(),
        };
        let mut per_host: Vec<(String, usize)> = hosts.into_iter().map(|(h, n)| (h.to_owned(), n)).collect();
        per_host.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
        Self { failure_domain: rule.failure_domain.clone(), domains, per_host, copies }
    }

    /// Whether every copy finds a failure domain of its own.
    pub fn feasible(&self) -> bool {
        self.domains >= self.copies.size
    }

    /// The most copies of one object that a single host can hold.
    pub fn most_on_one_host(&self) -> usize {
        match self.failure_domain.as_str() {
            "osd" => self.per_host.first().map_or(0, |(_, n)| (*n).min(self.copies.size)),
            _ => usize::from(!self.per_host.is_empty()),
        }
    }

    /// Copies that certainly remain when any one host dies.
    pub fn left_after_host_loss(&self) -> usize {
        self.copies.size.saturating_sub(self.most_on_one_host())
    }

    /// Whether I/O goes on when any one host dies.
    pub fn survives_host_loss(&self) -> bool {
        self.left_after_host_loss() >= self.copies.min_size
    }

    /// The smallest size whose min_size survives the loss of a host here, if there is one that fits.
    pub fn surviving_size(&self) -> Option<usize> {
        (self.copies.size..=self.domains.min(7)).find(|&size| {
            let copies = Copies { size, min_size: self.copies.min_size };
            Self { copies, ..self.clone() }.survives_host_loss()
        })
    }

    /// How copies lie on hosts when spread as evenly as the rule allows: `2/2/1`.
    pub fn spread(&self) -> String {
        let limit = |n: usize| if self.failure_domain == "osd" { n } else { n.min(1) };
        let mut counts = vec![0_usize; self.per_host.len()];
        let mut left = self.copies.size;
        while left > 0 {
            let before = left;
            for (count, (_, osds)) in counts.iter_mut().zip(&self.per_host) {
                if left > 0 && *count < limit(*osds) {
                    *count += 1;
                    left -= 1;
                }
            }
            if left == before {
                break;
            }
        }
        counts.iter().map(usize::to_string).collect::<Vec<_>>().join("/")
    }
}

impl Rule {
    /// Whether this rule may put copies on `member`. An unknown class counts: it may turn out right.
    pub fn takes(&self, member: &Member) -> bool {
        let class_fits = match (&self.device_class, &member.device_class) {
            (Some(wanted), Some(found)) => wanted == found,
            _ => true,
        };
        class_fits
            && (member.above.is_empty() || member.host == self.root || member.above.values().any(|b| *b == self.root))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(per_host: &[usize]) -> Vec<Member> {
        let mut all = Vec::new();
        for (h, n) in per_host.iter().enumerate() {
            for _ in 0..*n {
                all.push(Member {
                    osd: Some(u32::try_from(all.len()).unwrap()),
                    host: format!("pve{}", h + 1),
                    device_class: Some("ssd".into()),
                    above: BTreeMap::from([("root".into(), "default".into())]),
                });
            }
        }
        all
    }

    fn rule(failure_domain: &str) -> Rule {
        Rule { name: "r".into(), failure_domain: failure_domain.into(), root: "default".into(), device_class: None }
    }

    fn placed(domain: &str, per_host: &[usize], size: usize, min_size: usize) -> Placement {
        Placement::of(&rule(domain), &members(per_host), Copies { size, min_size })
    }

    #[test]
    fn five_copies_need_five_hosts_under_a_host_rule() {
        assert!(!placed("host", &[2, 2, 2], 5, 3).feasible());
        assert!(placed("osd", &[2, 2, 2], 5, 3).feasible());
    }

    #[test]
    fn five_of_three_survives_a_host_and_three_of_two_does_not() {
        let five = placed("osd", &[2, 2, 2], 5, 3);
        assert_eq!((five.most_on_one_host(), five.left_after_host_loss()), (2, 3));
        assert!(five.survives_host_loss());
        assert_eq!(five.spread(), "2/2/1");

        let three = placed("osd", &[2, 2, 2], 3, 2);
        assert_eq!(three.left_after_host_loss(), 1);
        assert!(!three.survives_host_loss());
        assert_eq!(three.surviving_size(), Some(4));
    }

    #[test]
    fn the_host_with_the_most_osds_decides() {
        let uneven = placed("osd", &[1, 1, 3], 4, 2);
        assert_eq!((uneven.most_on_one_host(), uneven.left_after_host_loss()), (3, 1));
        assert!(!uneven.survives_host_loss());
        assert_eq!((uneven.surviving_size(), uneven.per_host[0].0.as_str()), (Some(5), "pve3"));
    }

    #[test]
    fn a_host_rule_puts_one_copy_on_a_host() {
        let three = placed("host", &[2, 2, 2], 3, 2);
        assert_eq!(three.most_on_one_host(), 1);
        assert!(three.survives_host_loss());
        assert_eq!(three.spread(), "1/1/1");
    }

    #[test]
    fn other_classes_and_roots_do_not_count() {
        let mut all = members(&[2, 2, 2]);
        all[0].device_class = Some("hdd".into());
        all[1].above.insert("root".into(), "other".into());
        let ssd = Rule { device_class: Some("ssd".into()), ..rule("osd") };
        assert_eq!(Placement::of(&ssd, &all, Copies { size: 3, min_size: 2 }).domains, 4);
    }

    #[test]
    fn a_rule_may_begin_below_the_root() {
        let mut all = members(&[1, 1, 2]);
        for member in all.iter_mut().filter(|member| member.host != "pve3") {
            member.above.insert("datacenter".into(), "dc1".into());
        }
        let at = |root: &str| Rule { root: root.into(), ..rule("host") };
        let domains = |root: &str| Placement::of(&at(root), &all, Copies { size: 2, min_size: 1 }).domains;
        assert_eq!((domains("dc1"), domains("pve3"), domains("default"), domains("dc2")), (2, 1, 3, 0));
    }

    #[test]
    fn domains_above_the_host_are_counted_by_name() {
        let mut all = members(&[1, 1, 1]);
        for (i, member) in all.iter_mut().enumerate() {
            member.above.insert("rack".into(), format!("r{}", i.min(1)));
        }
        let placement = Placement::of(&rule("rack"), &all, Copies { size: 3, min_size: 2 });
        assert_eq!(placement.domains, 2);
        assert!(!placement.feasible());
    }

    #[test]
    fn nothing_fits_on_nothing() {
        let none = placed("osd", &[], 3, 2);
        assert!(!none.feasible());
        assert_eq!(none.surviving_size(), None);
        assert_eq!(none.spread(), "");
    }
}
