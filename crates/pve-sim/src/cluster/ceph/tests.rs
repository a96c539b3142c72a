use proptest::prelude::*;

use super::*;

const GIB: u64 = 1 << 30;

fn device(n: usize) -> OsdDevice {
    OsdDevice {
        path: format!("/dev/sd{n}"),
        size: 64 * GIB,
        kind: "ssd".into(),
        encrypted: false,
        vg: format!("ceph-{n}"),
        created: 0.0,
        dead: false,
    }
}

/// Nodes `pve1`.. with a monitor, a manager and so many OSDs each; settled at t = 1000.
fn cluster(nodes: usize, osds: usize) -> Ceph {
    let mut ceph = Ceph::absent(Release::tentacle(), 0.0);
    ceph.set_conf("global", "fsid", "00000000-0000-0000-0000-000000000001");
    ceph.set_conf("global", "mon_allow_pool_delete", "true");
    ceph.set_conf("global", "osd_pool_default_min_size", "2");
    ceph.set_conf("mon", "auth_allow_insecure_global_id_reclaim", "false");
    for n in 1..=nodes {
        let (name, at) = (format!("pve{n}"), n as f64);
        ceph.add_mon(&name, &name, &format!("10.0.0.{n}"), at);
        ceph.add_mgr(&name, &name, at);
    }
    for n in 0..nodes * osds {
        ceph.create_osd(&format!("uuid-{n}"), &format!("pve{}", n % nodes + 1), device(n), None, 100.0 + n as f64);
    }
    ceph.advance(1000.0);
    ceph
}

fn pool(ceph: &mut Ceph, name: &str, size: u32, min_size: u32, rule: &str, now: Time) {
    let new = NewPool {
        pg_num: Some(32),
        size: Some(size),
        rule: Some(rule.into()),
        autoscale: Some(Autoscale::Off),
        ..NewPool::default()
    };
    ceph.create_pool(name, new, now).unwrap();
    ceph.set_pool(name, "min_size", &min_size.to_string(), false, now).unwrap();
    ceph.enable_application(name, "rbd", false, now).unwrap();
}

fn codes(ceph: &Ceph) -> Vec<&'static str> {
    ceph.health().iter().map(|c| c.code).collect()
}

#[test]
fn the_manager_makes_its_pool_and_the_ids_of_purged_osds_come_back() {
    let mut ceph = cluster(3, 2);
    assert_eq!(ceph.pool_named(".mgr").map(|p| (p.id, p.pg_num)), Some((1, 1)));
    assert_eq!(codes(&ceph), Vec::<&str>::new());
    ceph.osd_out(2, 1000.0);
    ceph.stop_osd(2, 1010.0);
    ceph.advance(1020.0);
    ceph.purge_osd(2, 1020.0);
    assert_eq!(ceph.create_osd("uuid", "pve3", device(9), Some("nvme"), 1030.0), 2);
    assert!(!ceph.osds[&2].up && !ceph.crush.devices().contains(&2), "it takes its place when it comes up");
    ceph.advance(1040.0);
    assert_eq!(ceph.crush.class_of(2), Some("nvme"));
    assert!(ceph.osds[&2].up && ceph.osds[&2].is_in());
}

#[test]
fn a_dead_node_is_seen_after_the_grace_and_its_osds_are_out_after_ten_minutes() {
    let mut ceph = cluster(3, 2);
    pool(&mut ceph, "vm", 3, 2, "replicated_rule", 1000.0);
    ceph.pools.get_mut(&2).unwrap().images.insert("a".into(), Image { size: GIB, used: GIB });
    ceph.advance(1010.0);
    ceph.set_power("pve2", false, 1010.0);
    ceph.advance(1030.0);
    assert!(ceph.osds.values().all(|o| o.up), "heartbeats are waited for");
    ceph.advance(1040.0);
    assert_eq!(ceph.osds.values().filter(|o| o.up).count(), 4);
    assert_eq!(codes(&ceph), ["MON_DOWN", "OSD_DOWN", "OSD_HOST_DOWN", "PG_DEGRADED"]);
    let degraded = |c: &Ceph| c.health().into_iter().find(|c| c.code == "PG_DEGRADED").map(|c| c.message);
    assert!(!degraded(&ceph).unwrap().contains("undersized"), "undersized is told after a minute");
    ceph.advance(1100.0);
    assert!(degraded(&ceph).unwrap().contains("undersized"));
    ceph.advance(1700.0);
    assert_eq!(ceph.osds.values().filter(|o| o.is_in()).count(), 4);
    assert!(!codes(&ceph).contains(&"OSD_DOWN"));
    // The host rule has nowhere to go; back again, everything heals.
    ceph.set_power("pve2", true, 1800.0);
    ceph.advance(1900.0);
    assert!(ceph.report().all_clean());
    assert_eq!(codes(&ceph), Vec::<&str>::new());
}

#[test]
fn an_osd_that_is_out_drains_before_it_is_safe_to_destroy() {
    let mut ceph = cluster(3, 2);
    pool(&mut ceph, "vm", 3, 2, "replicated_rule", 1000.0);
    ceph.pools.get_mut(&2).unwrap().images.insert("a".into(), Image { size: 64 * GIB, used: 30 * GIB });
    ceph.advance(1010.0);
    assert!(ceph.safe_to_destroy(&[0]).verdict().is_err());
    ceph.osd_out(0, 1010.0);
    ceph.advance(1014.0);
    assert!(ceph.report().states().keys().any(|s| s.contains("remapped")), "{:?}", ceph.report().states());
    assert!(ceph.safe_to_destroy(&[0]).verdict().is_err());
    ceph.advance(1400.0);
    assert!(ceph.report().all_clean(), "{:?}", ceph.report().states());
    assert!(ceph.safe_to_destroy(&[0]).verdict().is_ok());
}

/// With one OSD a host there is nowhere to drain to: an OSD that is out keeps what cannot be placed elsewhere, were it
/// only the empty PG of the manager's pool.
#[test]
fn an_osd_that_cannot_be_replaced_is_never_safe_to_destroy() {
    let mut ceph = cluster(3, 1);
    ceph.osd_out(0, 1000.0);
    ceph.advance(5000.0);
    let refusal = ceph.safe_to_destroy(&[0]).verdict().unwrap_err();
    assert_eq!(refusal.errno, Errno::Busy);
    assert!(refusal.text.starts_with("OSD(s) 0 last reported they still store some PG data"), "{}", refusal.text);
}

#[test]
fn without_a_majority_of_monitors_commands_time_out() {
    let mut ceph = cluster(3, 1);
    ceph.set_power("pve1", false, 1000.0);
    ceph.set_power("pve2", false, 1000.0);
    ceph.advance(1010.0);
    assert!(!ceph.has_quorum());
    assert_eq!(run(&mut ceph, 1011.0, &["health"]).status, 1);
    ceph.set_power("pve1", true, 1020.0);
    assert_eq!(run(&mut ceph, 1030.0, &["ceph", "health"]).stdout.split(' ').next(), Some("HEALTH_WARN"));
}

#[test]
fn unlisted_commands_exit_22() {
    let mut ceph = cluster(1, 1);
    for argv in [&["osd", "lost", "0"][..], &["fs", "ls"], &["nonsense"], &[]] {
        assert_eq!(run(&mut ceph, 1000.0, argv).status, 22, "{argv:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// PG states follow from rule, size and who is up: undersized iff fewer than `size` of the PG's OSDs are up, active
    /// iff at least `min_size` of them, and all of that agrees with the placement asked for directly.
    #[test]
    fn states_follow_from_who_is_up(
        down in prop::collection::btree_set(0u32..6, 0..5),
        size in 1u32..5,
        less in 0u32..3,
        by_osd in any::<bool>(),
    ) {
        let mut ceph = cluster(3, 2);
        ceph.config.set("global", "mon_allow_pool_size_one", "true", false).unwrap();
        ceph.crush.create_rule("osds", "default", "osd", None).unwrap();
        let rule = if by_osd { "osds" } else { "replicated_rule" };
        let min_size = size.saturating_sub(less).max(1);
        pool(&mut ceph, "vm", size, min_size, rule, 1000.0);
        ceph.advance(1010.0);
        ceph.set_flag("noout", true);
        down.iter().for_each(|id| ceph.stop_osd(*id, 1010.0));
        ceph.advance(1020.0);
        for pg in ceph.report().pgs.iter().filter(|pg| pg.pool == 2) {
            let x = ::crush::hash2(pg.seed, 2);
            let rule = ceph.crush.rule_named(rule).unwrap().id;
            let placed = ceph.crush.place(rule, x, size as usize, &ceph.weights());
            let up: Vec<u32> = placed.into_iter().filter(|id| !down.contains(id)).collect();
            prop_assert_eq!(&pg.up, &up);
            if up.is_empty() {
                prop_assert!(!pg.has("active"), "{}", pg.state);
                continue;
            }
            prop_assert_eq!(pg.has("undersized"), up.len() < size as usize, "{}", pg.state);
            prop_assert_eq!(pg.has("active"), up.len() >= min_size as usize, "{}", pg.state);
        }
    }
}

/// Fifty pools on 24 OSDs.
#[test]
fn a_large_cluster_stays_whole_through_an_outage() {
    let mut ceph = cluster(4, 6);
    ceph.config.set("global", "mon_max_pg_per_osd", "1000", false).unwrap();
    for n in 0..50 {
        pool(&mut ceph, &format!("p{n}"), 3, 2, "replicated_rule", 1000.0);
    }
    ceph.advance(1010.0);
    assert_eq!(ceph.report().pgs.len(), 50 * 32 + 1);
    assert!(ceph.report().all_clean());
    ceph.set_power("pve1", false, 1010.0);
    ceph.advance(1800.0);
    assert!(ceph.report().all_clean(), "three hosts are left for three copies: {:?}", ceph.report().states());
    assert!(ceph.report().pgs_by_osd().keys().all(|id| id % 4 != 0));
}

#[test]
fn the_autoscaler_shares_its_groups_among_the_copies() {
    let ideal = |size: u32| {
        let mut ceph = cluster(3, 2);
        pool(&mut ceph, "p", size, 1, "replicated_rule", 1000.0);
        ceph.set_pool("p", "target_size_ratio", "1", false, 1000.0).unwrap();
        let advice = ceph.autoscale_status().into_iter().find(|advice| advice.name() == "p").unwrap();
        advice.json()["pg_num_ideal"].as_u64()
    };
    // A hundred for each of six OSDs.
    assert_eq!((ideal(2), ideal(3)), (Some(300), Some(200)));
}

#[test]
fn a_purge_takes_the_last_monitor_and_nothing_before() {
    let mut ceph = cluster(2, 1);
    pool(&mut ceph, "vm", 2, 1, "replicated_rule", 1000.0);
    let said = ceph.purge("pve1", 1010.0);
    for line in ["remove pools", "remove active OSD on pve1", "remove other MONs, pve1 is not the last MON"] {
        assert!(said.stderr.contains(line), "{line}: {}", said.stderr);
    }
    assert_eq!((said.status, ceph.mons.len(), ceph.mgrs.len()), (0, 2, 2));
    ceph.pools.clear();
    ceph.osds.keys().copied().collect::<Vec<_>>().into_iter().for_each(|id| ceph.forget_osd(id, 1010.0));
    ceph.remove_mon("pve1", 1010.0);
    // Not its monitor's node: only what is on it goes.
    let said = ceph.purge("pve1", 1020.0);
    assert!(said.stdout.contains("Foreign MON"), "{}", said.stdout);
    assert_eq!((ceph.mgrs.len(), ceph.conf.is_some()), (1, true));
    ceph.purge("pve2", 1030.0);
    assert!(ceph.conf.is_none() && ceph.mons.is_empty() && ceph.mgrs.is_empty() && !ceph.keyring);
    assert_eq!(ceph.leftovers.len(), 2, "volumes stay on their disks");
}
