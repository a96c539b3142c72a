//! What is left for the pools when OSDs go: the arithmetic, and its words.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use terraform_plugin::{Cx, Error};

use super::osd::Osd;
use super::placement::{Copies, Placement};
use super::pool::removal::TRACES;
use super::topology::Topology;
use crate::ground::error::{During, Problem};
use crate::ground::ledger::Planned;
use crate::ground::pve::Pve;
use crate::storage::images::images;

/// An OSD that this process is about to destroy, by its number.
#[derive(Clone, Copy, Debug)]
pub struct Leaving;

impl Planned for Leaving {
    type Key = u32;
}

/// A pool whose copies need room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// Its name.
    pub pool: String,
    /// The rule that places its copies.
    pub rule: String,
    /// The copies.
    pub copies: Copies,
}

/// What a pool has left to lie on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remaining {
    tenant: Tenant,
    failure_domain: String,
    domains: usize,
    osds: usize,
    hosts: usize,
}

impl Remaining {
    /// Whether there is no room for every copy.
    pub fn is_short(&self) -> bool {
        self.domains < self.tenant.copies.size
    }
}

impl fmt::Display for Remaining {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tenant { pool, rule, copies } = &self.tenant;
        let many = |n: usize, what: &str| if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") };
        write!(f, "Pool \"{pool}\" {copies} has {} on {} left", many(self.osds, "OSD"), many(self.hosts, "host"))?;
        if !self.is_short() {
            return write!(f, ".");
        }
        let domain = if self.failure_domain == "osd" { "OSD" } else { &self.failure_domain };
        write!(
            f,
            "; its rule \"{rule}\" wants {}: every placement group would stay undersized.",
            many(copies.size, domain)
        )
    }
}

/// What is left for each pool that could have lain on one of these OSDs, where its rule is a plain one.
pub fn remaining(tenants: &[Tenant], going: &BTreeSet<u32>, topology: &Topology) -> Vec<Remaining> {
    let goes = |osd: Option<u32>| osd.is_some_and(|id| going.contains(&id));
    let (gone, left): (Vec<_>, Vec<_>) = topology.members.iter().cloned().partition(|member| goes(member.osd));
    let one = |tenant: &Tenant| {
        let rule = topology.rule(&tenant.rule)?;
        if !gone.iter().any(|member| rule.takes(member)) {
            return None;
        }
        let placement = Placement::of(rule, &left, tenant.copies);
        Some(Remaining {
            tenant: tenant.clone(),
            failure_domain: rule.failure_domain.clone(),
            domains: placement.domains,
            osds: placement.per_host.iter().map(|(_, osds)| osds).sum(),
            hosts: placement.per_host.len(),
        })
    };
    tenants.iter().filter_map(one).collect()
}

/// The pools in which there is anything to lose. Of Ceph's own pool `.mgr`, which it makes anew, nothing is: a cluster that is
/// taken down altogether has no place left to move it to. Nor of pools that this run destroys.
pub async fn tenants(cx: &Cx<Pve>) -> Result<Vec<Tenant>, Problem> {
    let going = super::pools_going(cx);
    let ceph = cx.client.ceph();
    let mut tenants = Vec::new();
    let pools = ceph.pools().await.during("Cannot list the pools")?;
    for pool in pools.iter().filter(|pool| pool.name != ".mgr" && !going.contains(&pool.name)) {
        let status = ceph.pool_status_shared(&pool.name).await.during(format!("Cannot read pool \"{}\"", pool.name))?;
        let stores = status.statistics.as_ref().is_none_or(|statistics| statistics.stored > TRACES);
        if stores || has_images(cx, &pool.name).await? {
            tenants.push(Tenant {
                pool: pool.name.clone(),
                rule: pool.crush_rule_name.clone().unwrap_or_default(),
                copies: Copies { size: pool.size as usize, min_size: pool.min_size as usize },
            });
        }
    }
    Ok(tenants)
}

/// Whether a storage shows images on a pool: a guest whose disk nobody has written to yet stops without its pool, too. Of a
/// storage that does not tell, that counts as well.
async fn has_images(cx: &Cx<Pve>, pool: &str) -> Result<bool, Problem> {
    let storages = cx.client.storage().list().await.during("Cannot list the storages")?;
    // PVE shows nothing of one that is disabled.
    for storage in storages.iter().filter(|storage| !storage.disable && storage.ceph_pools().contains(pool)) {
        match images(cx, &storage.storage, storage.nodes.as_ref()).await {
            Ok(images) if images.as_ref().is_none_or(|images| images.is_empty()) => {}
            Ok(_) => return Ok(true),
            Err(problem) => {
                tracing::warn!(?problem, storage = storage.storage, "it does not tell its images");
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// What the removal of an OSD, together with all others that go in this run, means to the pools.
pub struct Consequence {
    going: BTreeSet<u32>,
    used: u64,
    remaining: Vec<Remaining>,
    /// Pools whose rule says more than what can be computed here.
    untold: Vec<Tenant>,
}

impl Consequence {
    /// Looks at the cluster; `None` if nothing of value lies on what goes.
    pub async fn of(cx: &Cx<Pve>, id: u32) -> Result<Option<Self>, Problem> {
        let tenants = tenants(cx).await?;
        if tenants.is_empty() {
            return Ok(None);
        }
        let mut going: BTreeSet<u32> = cx.going::<Osd>().iter().flat_map(Osd::numbers).collect();
        going.extend(cx.ledger.with(|all: &mut BTreeMap<u32, Leaving>| all.keys().copied().collect::<Vec<_>>()));
        going.insert(id);
        let topology = Topology::existing(&cx.api).await?;
        let remaining = remaining(&tenants, &going, &topology);
        let untold: Vec<_> = tenants.into_iter().filter(|tenant| topology.rule(&tenant.rule).is_none()).collect();
        let tree = cx.client.ceph().osds().await.during("Cannot list the OSDs")?;
        // Those that are gone by now do not count any more.
        going.retain(|id| tree.osd(*id).is_some());
        let used = going.iter().filter_map(|id| tree.osd(*id)).map(|osd| osd.bytes_used).sum();
        let nothing = remaining.is_empty() && untold.is_empty();
        Ok((!nothing).then_some(Self { going, used, remaining, untold }))
    }

    /// Whether a pool is left without room for every copy.
    pub fn is_short(&self) -> bool {
        self.remaining.iter().any(Remaining::is_short)
    }

    /// What keeps an OSD from going.
    pub fn hindrance(&self, id: u32) -> Error {
        let detail = format!(
            "{} Nothing was written. (A pool that the same run destroys is gone by then, and does not count.) Make room first: \
             OSDs, hosts, a smaller `size`. Or apply `force = true`: the OSD is then destroyed without waiting for its data, \
             and copies stay incomplete until there is room again.",
            self.told(id)
        );
        Error::new("OSDs cannot go: copies would have no place left", detail)
    }

    /// What comes of it.
    pub fn notice(&self, id: u32, force: bool) -> Error {
        let then = match force {
            true => "`force` is set: Ceph is not waited for, and what has no other copy is lost.",
            false => "Ceph moves what lies there to the others first, which the apply waits for.",
        };
        Error::new("OSDs that pools lie on are to be destroyed", format!("{} {then}", self.told(id)))
    }

    /// What comes of it where its disk is dead.
    pub fn lost(&self, id: u32) -> Error {
        let detail = format!(
            "{} What lay on its dead disk is lost already: nothing is waited for, and Ceph makes copies anew where there is room.",
            self.told(id)
        );
        Error::new("OSDs whose disks are dead go", detail)
    }

    fn told(&self, id: u32) -> String {
        let mut others: Vec<_> =
            self.going.iter().filter(|other| **other != id).map(|id| format!("osd.{id}")).collect();
        others.insert(0, format!("osd.{id}"));
        let verb = if others.len() == 1 { "goes" } else { "go" };
        let mut left: Vec<_> = self.remaining.iter().map(Remaining::to_string).collect();
        left.extend(self.untold.iter().map(|Tenant { pool, rule, .. }| {
            format!("What pool \"{pool}\" has left is not told: its rule \"{rule}\" is none of the plain ones.")
        }));
        format!("{} {verb}, with {} in use. {}", others.join(", "), amount(self.used), left.join(" "))
    }
}

/// An amount of data, in whole MiB or GiB.
pub fn amount(bytes: u64) -> String {
    if bytes < 1 << 30 { format!("{} MiB", bytes >> 20) } else { format!("{} GiB", (bytes + (1 << 29)) >> 30) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ceph::placement::{Member, Rule};

    /// Three hosts with two OSDs each: 0 and 1 on the first, 2 and 3 on the second, 4 and 5 on the third.
    fn topology() -> Topology {
        let member = |id: u32| Member {
            osd: Some(id),
            host: format!("pve{}", id / 2 + 1),
            device_class: Some(if id == 5 { "hdd" } else { "ssd" }.to_owned()),
            above: [("root".to_owned(), "default".to_owned())].into(),
        };
        let rule = |name: &str, domain: &str, class: Option<&str>| Rule {
            name: name.into(),
            failure_domain: domain.into(),
            root: "default".into(),
            device_class: class.map(str::to_owned),
        };
        let rules = [rule("host", "host", None), rule("osd", "osd", None), rule("hdd", "osd", Some("hdd"))];
        Topology {
            members: (0..6).map(member).collect(),
            rules: rules.map(|rule| (rule.name.clone(), rule)).into(),
            ..Topology::default()
        }
    }

    fn tenant(rule: &str, size: usize) -> Tenant {
        Tenant { pool: "vm".to_owned(), rule: rule.to_owned(), copies: Copies { size, min_size: 2 } }
    }

    fn left(rule: &str, size: usize, going: &[u32]) -> Option<Remaining> {
        remaining(&[tenant(rule, size)], &going.iter().copied().collect(), &topology()).pop()
    }

    #[test]
    fn one_of_two_on_a_host_leaves_room_and_the_second_does_not() {
        assert!(!left("host", 3, &[0]).unwrap().is_short());
        let short = left("host", 3, &[0, 1]).unwrap();
        assert!(short.is_short());
        assert_eq!(
            short.to_string(),
            "Pool \"vm\" 3/2 has 4 OSDs on 2 hosts left; its rule \"host\" wants 3 hosts: every placement group would stay \
             undersized."
        );
        assert_eq!(left("osd", 5, &[0]).unwrap().to_string(), "Pool \"vm\" 5/2 has 5 OSDs on 3 hosts left.");
        assert!(left("osd", 5, &[0, 4]).unwrap().is_short());
    }

    #[test]
    fn a_pool_that_never_lay_there_is_not_counted() {
        assert_eq!(left("hdd", 1, &[0]), None);
        assert!(left("hdd", 1, &[5]).unwrap().is_short());
        assert_eq!(left("erasure", 3, &[5]), None);
        assert_eq!(left("host", 3, &[9]), None);
    }

    #[test]
    fn what_goes_is_told_together() {
        let consequence = Consequence {
            going: [3, 4].into(),
            used: 12 << 30,
            remaining: vec![left("osd", 5, &[3, 4]).unwrap()],
            untold: vec![tenant("erasure", 3)],
        };
        assert!(consequence.is_short());
        let told = consequence.hindrance(4).diagnostics().iter().next().unwrap().detail.clone();
        assert!(
            told.contains("osd.4, osd.3 go, with 12 GiB in use. Pool \"vm\" 5/2 has 4 OSDs on 3 hosts left;"),
            "{told}"
        );
        assert!(told.contains("What pool \"vm\" has left is not told: its rule \"erasure\""), "{told}");
        assert!(told.contains("Nothing was written."), "{told}");
    }
}
