use super::*;

/// Two hosts with an SSD and an HDD each; a level `rack` of which there is nothing.
fn map() -> CrushMap {
    CrushMap::parse(
        "device 0 osd.0 class ssd\ndevice 1 osd.1 class hdd\ndevice 2 osd.2 class ssd\ndevice 3 osd.3 class hdd\n\
         type 0 osd\ntype 1 host\ntype 3 rack\ntype 11 root\n\
         host pve1 {\n id -3\n alg straw2\n hash 0\n item osd.0 weight 1.0\n item osd.1 weight 1.0\n}\n\
         host pve2 {\n id -5\n alg straw2\n hash 0\n item osd.2 weight 1.0\n item osd.3 weight 1.0\n}\n\
         root default {\n id -1\n alg straw2\n hash 0\n item pve1 weight 2.0\n item pve2 weight 2.0\n}\n",
    )
}

fn empty() -> CrushMap {
    CrushMap::parse(
        "type 0 osd\ntype 1 host\ntype 3 rack\ntype 11 root\nroot default {\n id -1\n alg straw2\n hash 0\n}\n",
    )
}

fn rule(failure_domain: &str, root: Option<&str>, device_class: Option<&str>) -> CrushRule {
    CrushRule {
        name: "r".into(),
        failure_domain: failure_domain.into(),
        root: root.map(str::to_owned),
        device_class: device_class.map(str::to_owned),
        ..CrushRule::default()
    }
}

#[test]
fn what_does_not_exist_is_named_with_what_does() {
    let rows = [
        (rule("host", Some("ssds"), None), "root", "CRUSH root \"ssds\" does not exist", "There are: default."),
        (rule("hots", None, None), "failure_domain", "CRUSH knows no level \"hots\"", "osd, host, rack, root"),
        (rule("host", None, Some("nvme")), "device_class", "No OSD has device class \"nvme\"", "hdd, ssd"),
        (rule("rack", None, None), "failure_domain", "Nothing below \"default\" is a rack", "osd, host"),
    ];
    for (want, attribute, summary, cure) in rows {
        let error = Error::from(nameable(&want, &map()).unwrap_err());
        let told = error.diagnostics().iter().next().unwrap();
        assert_eq!(told.summary, summary);
        assert_eq!(told.path, attribute.into());
        assert!(told.detail.contains(cure) && told.detail.contains("Nothing was written."), "{}", told.detail);
    }
}

#[test]
fn what_exists_may_be_named() {
    for want in
        [rule("osd", None, None), rule("host", Some("default"), Some("ssd")), rule("osd", Some("pve1"), Some("hdd"))]
    {
        let refused = nameable(&want, &map()).err().map(Error::from);
        assert_eq!(refused, None, "{want:?}");
    }
}

#[test]
fn what_it_begins_with_is_no_failure_domain_of_its_own() {
    // CRUSH chooses among what is below it.
    let refused = nameable(&rule("root", None, None), &map()).err().map(Error::from).unwrap();
    let told = format!("{refused:?}");
    assert!(told.contains("Nothing below \\\"default\\\" is a root") && told.contains("below: osd, host."), "{told}");
}

#[test]
fn before_the_first_osd_hosts_are_taken_on_trust_and_classes_are_not() {
    assert!(nameable(&rule("host", None, None), &empty()).is_ok());
    assert!(nameable(&rule("osd", None, None), &empty()).is_ok());
    assert!(nameable(&rule("rack", None, None), &empty()).is_err());
    assert!(nameable(&rule("osd", None, Some("ssd")), &empty()).is_err());
}

#[test]
fn the_temporary_name_is_refused_as_a_name() {
    assert!(not_temporary(&"osd.changing".to_owned()).is_err());
    assert!(not_temporary(&"osd".to_owned()).is_ok());
}
