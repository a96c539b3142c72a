use super::*;
use proptest::prelude::*;

/// As a three-node Ceph 16.2 printed it, with device classes and rules of several kinds.
const RECORDED: &str = include_str!("recorded.txt");

#[test]
fn reads_a_recorded_map_completely() {
    let map = CrushMap::parse(RECORDED);
    assert_eq!(map.unread, Vec::<String>::new());
    assert_eq!(map.tunables["chooseleaf_stable"], 1);
    assert_eq!(map.devices.len(), 6);
    assert_eq!(map.device(3).unwrap().class.as_deref(), Some("ssd"));
    assert_eq!(map.types[&11], "root");
    assert_eq!(map.buckets.len(), 4);
    let root = map.bucket("default").unwrap();
    assert_eq!((root.id, root.kind.as_str(), root.items.len()), (-1, "root", 3));
    assert_eq!(root.shadow_ids["ssd"], -15);
    assert_eq!(root.items[0], Item { name: "pve1".into(), weight: 0.008 });
    assert_eq!(map.rules.len(), 5);
    assert_eq!(map.rule("r_host_ssd").unwrap().id, 3);
}

#[test]
fn tells_the_shape_of_rules() {
    let map = CrushMap::parse(RECORDED);
    let shape = |name: &str| map.rule(name).unwrap().replicated_shape().unwrap();
    let want = |domain: &str, class: Option<&str>| ReplicatedShape {
        root: "default".into(),
        failure_domain: domain.into(),
        device_class: class.map(str::to_owned),
    };
    assert_eq!(shape("replicated_rule"), want("host", None));
    assert_eq!(shape("r_osd"), want("osd", None));
    assert_eq!(shape("r_host_ssd"), want("host", Some("ssd")));
    assert_eq!(shape("r_osd_hdd"), want("osd", Some("hdd")));
}

#[test]
fn rules_by_hand_have_no_plain_shape() {
    let rule = |steps: &str| {
        let text = format!("rule r {{\n id 7\n type replicated\n{steps}\n}}\n");
        CrushMap::parse(&text).rules.remove(0)
    };
    assert!(rule("step take default\nstep chooseleaf firstn 0 type osd\nstep emit").replicated_shape().is_some());
    assert!(rule("step take default\nstep choose firstn 0 type host\nstep emit").replicated_shape().is_none());
    let two = rule(
        "step take a\nstep chooseleaf firstn 1 type host\nstep emit\nstep take b\nstep chooseleaf firstn -1 type host\nstep emit",
    );
    assert!(two.replicated_shape().is_none());
    assert_eq!(two.steps.len(), 6);
    let erasure =
        rule("step set_chooseleaf_tries 5\nstep take default class hdd\nstep chooseleaf indep 0 type host\nstep emit");
    assert!(erasure.replicated_shape().is_none());
    assert_eq!(erasure.steps[0], Step::Other("set_chooseleaf_tries 5".into()));
}

#[test]
fn counts_failure_domains() {
    let map = CrushMap::parse(RECORDED);
    let domains = |name: &str| map.hierarchy().domains(&map.rule(name).unwrap().replicated_shape().unwrap());
    assert_eq!(domains("replicated_rule").keys().collect::<Vec<_>>(), ["pve1", "pve2", "pve3"]);
    assert_eq!(domains("replicated_rule")["pve2"], [2, 3].into());
    assert_eq!(domains("r_osd").len(), 6);
    assert_eq!(domains("r_host_ssd")["pve2"], [3].into());
    assert_eq!(domains("r_osd_hdd").keys().collect::<Vec<_>>(), ["osd.0", "osd.2", "osd.4"]);
    let above: Vec<_> = map.hierarchy().above("osd.4").map(|bucket| bucket.name.as_str()).collect();
    assert_eq!(above, ["pve3", "default"]);
    assert_eq!(map.hierarchy().levels("default", None), ["host", "osd"].into());
    assert!(map.hierarchy().levels("default", Some("nvme")).is_empty());
    assert_eq!(map.device_classes(), ["hdd", "ssd"].into());
}

#[test]
fn newer_blocks_are_kept_as_unread_and_do_not_disturb() {
    let text = "type 0 osd\ntype 1 host\ntype 11 root\n\
        # choose_args\nchoose_args 18446744073709551615 {\n  {\n    bucket_id -1\n    weight_set [\n      [ 1.000 ]\n    ]\n  }\n}\n\
        root default {\n\tid -1\n\talg straw2\n}\nrule r {\n\tid 0\n\ttype msr_firstn\n\tstep choosemsr 0 type host\n\tstep emit\n}\n";
    let map = CrushMap::parse(text);
    assert_eq!(map.bucket("default").unwrap().id, -1);
    assert_eq!(map.rules[0].kind, "msr_firstn");
    assert!(map.unread.iter().any(|line| line.starts_with("choose_args")));
}

#[test]
fn a_loop_does_not_hang() {
    let text = "type 1 host\nhost a {\nitem b weight 1\n}\nhost b {\nitem a weight 1\n}\n";
    let map = CrushMap::parse(text);
    assert!(map.hierarchy().osds_under("a", None).is_empty());
    assert_eq!(map.hierarchy().above("a").count(), 32);
}

#[test]
fn an_osd_in_two_hosts_counts_in_the_first_as_it_does_on_the_way_up() {
    let text = "device 0 osd.0\ntype 1 host\ntype 11 root\nhost a {\nitem osd.0 weight 1\n}\nhost b {\nitem osd.0 weight 1\n}\n\
                root default {\nitem a weight 1\nitem b weight 1\n}\n";
    let map = CrushMap::parse(text);
    let shape = |failure_domain: &str| ReplicatedShape {
        root: "default".into(),
        failure_domain: failure_domain.into(),
        device_class: None,
    };
    let hierarchy = map.hierarchy();
    assert_eq!(hierarchy.domains(&shape("host")), [("a".to_owned(), [0].into())].into());
    assert_eq!(hierarchy.above("osd.0").next().unwrap().name, "a");
    assert!(hierarchy.domains(&shape("root")).is_empty(), "nothing of that kind is below it");
}

#[test]
fn a_map_of_megabytes_is_no_more_work_than_it_has_lines() {
    let count = 100_000;
    let mut text: String = (0..count).map(|n| format!("device {n} osd.{n}\n")).collect();
    text.push_str("type 1 host\nhost h0 {\n");
    text.extend((0..count).map(|n| format!("\titem osd.{n} weight 1\n")));
    text.push_str("}\n");
    // Each host in the next one: Ceph would make no such map.
    text.extend((1..count).map(|n| format!("host h{n} {{\n\titem h{} weight 1\n}}\n", n - 1)));
    let map = CrushMap::parse(&text);
    let hierarchy = map.hierarchy();
    let shape = |root: &str| ReplicatedShape { root: root.into(), failure_domain: "host".into(), device_class: None };
    assert_eq!(hierarchy.domains(&shape("h9"))["h0"].len(), count);
    assert!(hierarchy.domains(&shape("h99999")).is_empty(), "that far down nobody looks");
    assert!(map.devices.iter().all(|device| hierarchy.above(&device.name).count() == 32));
}

proptest! {
    #[test]
    fn any_text_is_read_without_panic(text in "\\PC{0,200}") {
        let _ = CrushMap::parse(&text);
    }

    #[test]
    fn any_mutilated_map_is_read_without_panic(from in 0usize..2500, length in 0usize..400, by in "[a-z0-9 {}\\[\\]#.\n\t-]{0,20}") {
        let mut text = RECORDED.to_owned();
        let from = from.min(text.len());
        let to = (from + length).min(text.len());
        text.replace_range(from..to, &by);
        let map = CrushMap::parse(&text);
        let hierarchy = map.hierarchy();
        for rule in &map.rules {
            if let Some(shape) = rule.replicated_shape() {
                let _ = hierarchy.domains(&shape);
            }
        }
        for device in &map.devices {
            let _ = hierarchy.above(&device.name).count();
        }
    }
}

#[test]
fn half_a_map_is_no_map() {
    let read = |text: &str| serde_json::from_value::<CrushMap>(text.into());
    assert_eq!(read(RECORDED).unwrap(), CrushMap::parse(RECORDED));
    for text in ["", "4711", &RECORDED[..RECORDED.len() / 2]] {
        assert!(read(text).unwrap_err().to_string().contains("not a whole CRUSH map"));
    }
}
