use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// A cluster of guests whose tasks end at once.
struct Fake {
    nodes: Vec<String>,
    dead: BTreeSet<String>,
    /// On, but without quorum.
    isolated: BTreeSet<String>,
    reset: Vec<String>,
    guests: BTreeMap<u32, Guest>,
    refuses_start: BTreeSet<String>,
    refuses_stop: bool,
    log: Vec<(String, u32, Job)>,
}

impl Fake {
    fn new() -> Self {
        let nodes = ["pve1", "pve2", "pve3"].map(str::to_owned).to_vec();
        let guests = BTreeMap::from([(100, Guest { node: "pve1".into(), running: false })]);
        Self {
            nodes,
            dead: BTreeSet::new(),
            isolated: BTreeSet::new(),
            reset: Vec::new(),
            guests,
            refuses_start: BTreeSet::new(),
            refuses_stop: false,
            log: Vec::new(),
        }
    }

    fn kill(&mut self, node: &str) {
        self.dead.insert(node.to_owned());
        for guest in self.guests.values_mut().filter(|g| g.node == node) {
            guest.running = false;
        }
    }

    fn starts_on(&self, node: &str) -> usize {
        self.log.iter().filter(|(n, _, job)| n == node && *job == Job::Start).count()
    }
}

impl World for Fake {
    fn nodes(&self) -> Vec<String> {
        self.nodes.clone()
    }

    fn alive(&self, node: &str) -> bool {
        self.on(node) && !self.isolated.contains(node)
    }

    fn on(&self, node: &str) -> bool {
        !self.dead.contains(node)
    }

    fn reset(&mut self, node: &str) {
        self.reset.push(node.to_owned());
    }

    fn guest(&self, vmid: u32) -> Option<Guest> {
        self.guests.get(&vmid).cloned()
    }

    fn begin(&mut self, node: &str, vmid: u32, job: &Job) -> String {
        self.log.push((node.to_owned(), vmid, job.clone()));
        let refused = self.refuses_start.contains(node);
        if let Some(guest) = self.guests.get_mut(&vmid) {
            match job {
                Job::Start => guest.running = !refused,
                Job::Stop { .. } => guest.running = self.refuses_stop && guest.running,
                Job::Migrate { target } => guest.node.clone_from(target),
            }
        }
        format!("UPID:{node}:{}", self.log.len())
    }

    fn busy(&self, _upid: &str) -> bool {
        false
    }

    fn adopt(&mut self, vmid: u32, to: &str) {
        if let Some(guest) = self.guests.get_mut(&vmid) {
            to.clone_into(&mut guest.node);
        }
    }
}

const VM: Sid = Sid::vm(100);

fn managed(change: impl FnOnce(&mut Resource)) -> (Ha, Fake) {
    let world = Fake::new();
    let mut ha = Ha::new(&world.nodes, 0.0);
    let mut resource = Resource::new(VM);
    change(&mut resource);
    ha.resources.push(resource);
    (ha, world)
}

fn state(ha: &Ha) -> State {
    ha.crm.services[&VM].state
}

/// Seconds until `done`, looked at every second; `None` after `limit`.
fn until(ha: &mut Ha, world: &mut Fake, from: f64, limit: u32, done: impl Fn(&Ha, &Fake) -> bool) -> Option<f64> {
    (0..=limit).map(f64::from).find(|t| {
        ha.advance(from + t, world);
        done(ha, world)
    })
}

#[test]
fn a_resource_is_started_and_confirmed_within_three_rounds() {
    let (mut ha, mut world) = managed(|_| {});
    let t = until(&mut ha, &mut world, 0.0, 60, |ha, _| ha.crm.services.get(&VM).is_some_and(|s| s.running));
    assert!(t.is_some_and(|t| (10.0..=35.0).contains(&t)), "{t:?}");
    assert!(world.guests[&100].running);
    assert_eq!(world.starts_on("pve1"), 1);
}

#[test]
fn failing_starts_end_in_error_after_the_promised_number() {
    for (restart, relocate) in [(1, 1), (0, 0), (2, 0), (1, 2)] {
        let (mut ha, mut world) = managed(|r| {
            r.max_restart = Some(restart);
            r.max_relocate = Some(relocate);
        });
        world.refuses_start = world.nodes.iter().cloned().collect();
        let t = until(&mut ha, &mut world, 0.0, 600, |ha, _| {
            ha.crm.services.get(&VM).is_some_and(|s| s.state == State::Error)
        });
        assert!(t.is_some());
        let starts = world.log.iter().filter(|(_, _, job)| *job == Job::Start).count();
        assert_eq!(starts as u32, (1 + restart) * (1 + relocate), "max_restart {restart}, max_relocate {relocate}");
        assert_eq!(ha.crm.services[&VM].failed_nodes.len() as u32, 1 + relocate);
    }
}

#[test]
fn failing_starts_take_about_as_long_as_on_a_real_cluster() {
    let (mut ha, mut world) = managed(|_| {});
    world.refuses_start = world.nodes.iter().cloned().collect();
    let t =
        until(&mut ha, &mut world, 0.0, 600, |ha, _| ha.crm.services.get(&VM).is_some_and(|s| s.state == State::Error));
    assert!(t.is_some_and(|t| (60.0..=110.0).contains(&t)), "{t:?}");
}

#[test]
fn a_guest_that_dies_is_restarted_however_often() {
    let (mut ha, mut world) = managed(|r| r.max_restart = Some(0));
    ha.advance(60.0, &mut world);
    for i in 1..=5 {
        world.guests.get_mut(&100).unwrap().running = false;
        ha.advance(60.0 + f64::from(i) * 40.0, &mut world);
        assert!(world.guests[&100].running);
        assert_eq!(state(&ha), State::Started);
    }
}

#[test]
fn a_dead_node_is_fenced_after_two_minutes_and_its_guest_recovered() {
    let (mut ha, mut world) = managed(|_| {});
    world.guests.get_mut(&100).unwrap().node = "pve2".into();
    ha.advance(100.0, &mut world);
    assert_eq!(ha.crm.master.as_deref(), Some("pve1"));
    world.kill("pve2");
    let fence = until(&mut ha, &mut world, 100.0, 300, |ha, _| state(ha) == State::Fence).unwrap();
    // Up to a round less than a minute after the death: the master counts from when it last saw the node.
    assert!((50.0..=75.0).contains(&fence), "{fence}");
    let back = until(&mut ha, &mut world, 100.0 + fence, 300, |_, w| w.guests[&100].running).unwrap();
    let total = fence + back;
    assert!((110.0..=165.0).contains(&total), "{total}");
    assert_ne!(world.guests[&100].node, "pve2");
}

#[test]
fn a_dead_master_costs_another_minute() {
    let (mut ha, mut world) = managed(|_| {});
    ha.advance(100.0, &mut world);
    world.kill("pve1");
    let fence = until(&mut ha, &mut world, 100.0, 400, |ha, _| {
        matches!(state(ha), State::Fence | State::Recovery) || ha.crm.services[&VM].node != "pve1"
    });
    assert!(fence.is_some_and(|t| (165.0..=205.0).contains(&t)), "{fence:?}");
    assert_eq!(ha.crm.master.as_deref(), Some("pve2"));
}

#[test]
fn a_node_that_returns_in_time_keeps_its_guest() {
    let (mut ha, mut world) = managed(|_| {});
    world.guests.get_mut(&100).unwrap().node = "pve2".into();
    ha.advance(100.0, &mut world);
    world.kill("pve2");
    ha.advance(140.0, &mut world);
    world.dead.clear();
    ha.advance(400.0, &mut world);
    assert_eq!(world.guests[&100], Guest { node: "pve2".into(), running: true });
}

#[test]
fn stopping_is_carried_out_and_a_failed_stop_is_an_error() {
    let (mut ha, mut world) = managed(|_| {});
    ha.advance(60.0, &mut world);
    ha.resource_mut(VM).unwrap().state = Some("stopped".into());
    ha.advance(120.0, &mut world);
    assert_eq!((state(&ha), world.guests[&100].running), (State::Stopped, false));

    let (mut ha, mut world) = managed(|_| {});
    ha.advance(60.0, &mut world);
    world.refuses_stop = true;
    ha.resource_mut(VM).unwrap().state = Some("stopped".into());
    ha.advance(120.0, &mut world);
    assert_eq!(state(&ha), State::Error);
    // Only `disabled` leads out, and only then `started` in.
    ha.resource_mut(VM).unwrap().state = Some("started".into());
    ha.advance(180.0, &mut world);
    assert_eq!(state(&ha), State::Error);
    world.refuses_stop = false;
    ha.resource_mut(VM).unwrap().state = Some("disabled".into());
    ha.advance(240.0, &mut world);
    assert_eq!((state(&ha), world.guests[&100].running), (State::Stopped, false));
    ha.resource_mut(VM).unwrap().state = Some("started".into());
    ha.advance(300.0, &mut world);
    assert!(world.guests[&100].running);
}

#[test]
fn a_service_in_error_is_not_recovered() {
    let (mut ha, mut world) = managed(|_| {});
    world.refuses_start = world.nodes.iter().cloned().collect();
    ha.advance(300.0, &mut world);
    assert_eq!(state(&ha), State::Error);
    let node = ha.crm.services[&VM].node.clone();
    world.kill(&node);
    ha.advance(900.0, &mut world);
    assert_eq!((state(&ha), ha.crm.services[&VM].node.as_str()), (State::Error, node.as_str()));
}

#[test]
fn a_requested_migration_is_carried_out() {
    let (mut ha, mut world) = managed(|_| {});
    ha.advance(60.0, &mut world);
    ha.crm.commands.push_back(Command::Migrate(VM, "pve3".into()));
    ha.advance(120.0, &mut world);
    assert_eq!(world.guests[&100], Guest { node: "pve3".into(), running: true });
    assert_eq!(ha.crm.services[&VM].node, "pve3");
}

#[test]
fn an_ignored_resource_is_nobody_s_business() {
    let (mut ha, mut world) = managed(|r| r.state = Some("ignored".into()));
    ha.advance(120.0, &mut world);
    assert!(ha.crm.services.is_empty() && world.log.is_empty() && !ha.manages(VM));
}

#[test]
fn an_election_may_be_decided_beforehand_but_not_for_a_dead_node() {
    for (elections, dead, master) in
        [(&[][..], None, "pve1"), (&["pve2"], None, "pve2"), (&["pve2"], Some("pve2"), "pve1")]
    {
        let (mut ha, mut world) = managed(|_| {});
        ha.crm.elections = elections.iter().map(|node| (*node).to_owned()).collect();
        world.dead.extend(dead.map(str::to_owned));
        ha.advance(15.0, &mut world);
        assert_eq!(ha.crm.master.as_deref(), Some(master), "{elections:?} {dead:?}");
    }
}

#[test]
fn an_isolated_node_with_services_is_reset_when_its_watchdog_runs_out_and_others_are_not() {
    let (mut ha, mut world) = managed(|_| {});
    world.guests.get_mut(&100).unwrap().node = "pve2".into();
    ha.advance(100.0, &mut world);
    world.isolated.extend(world.nodes.clone());
    ha.advance(150.0, &mut world);
    assert!(world.reset.is_empty());
    ha.advance(178.0, &mut world);
    world.reset.sort();
    world.reset.dedup();
    // pve1 has the master, pve2 the guest; pve3 has nothing to lose.
    assert_eq!(world.reset, ["pve1", "pve2"]);
}

#[test]
fn a_quorum_that_returns_in_time_leaves_everything_as_it_was() {
    let (mut ha, mut world) = managed(|_| {});
    ha.advance(100.0, &mut world);
    world.isolated.extend(world.nodes.clone());
    ha.advance(140.0, &mut world);
    world.isolated.clear();
    ha.advance(400.0, &mut world);
    assert!(world.reset.is_empty());
    assert_eq!((state(&ha), ha.crm.master.as_deref(), world.starts_on("pve1")), (State::Started, Some("pve1"), 1));
}
