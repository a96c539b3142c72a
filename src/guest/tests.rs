//! The kit, by a guest that is none.

use std::collections::{BTreeMap, BTreeSet};

use pve_client::api::params::Params;
use terraform_plugin::Nested;

use super::spellings::{BOOT_ORDER, SEMICOLONS};
use super::*;

#[derive(Nested, Clone, Debug, Default, PartialEq)]
struct Screen {
    #[attr(keep, api = "=type", usual = "std")]
    kind: Option<String>,
    #[attr(keep)]
    memory: Option<u32>,
}

#[derive(Nested, Clone, Debug, Default, PartialEq)]
struct Dog {
    #[attr(optional, api = "=model")]
    model: Option<String>,
    #[attr(optional)]
    action: Option<String>,
}

#[derive(Nested, Clone, Debug, Default, PartialEq)]
struct Stick {
    #[attr(keep, api = "=host")]
    host: Option<String>,
    #[attr(keep, usual = false)]
    usb3: Option<bool>,
}

#[derive(Nested, Clone, Debug, Default, PartialEq)]
struct User {
    #[attr(keep, api = "ciuser")]
    name: Option<String>,
    #[attr(keep, api = "ciupgrade", usual = true)]
    upgrade: Option<bool>,
}

#[derive(Nested, Clone, Debug, Default, PartialEq)]
struct Guest {
    #[attr(keep, usual = 1_u32)]
    cores: Option<u32>,
    #[attr(keep)]
    hook: Option<String>,
    #[attr(keep)]
    tags: Option<BTreeSet<String>>,
    #[attr(keep, api = "boot")]
    boot_order: Option<Vec<String>>,
    #[attr(keep, api = "vga")]
    screen: Option<Screen>,
    #[attr(keep, api = "watchdog")]
    dog: Option<Dog>,
    #[attr(keep)]
    usb: Option<BTreeMap<String, Stick>>,
    #[attr(keep)]
    serial: Option<BTreeMap<String, String>>,
    #[attr(keep, api = "*")]
    user: Option<User>,
}

impl Settings for Guest {
    const SPELT: &'static [(&'static str, Spelling)] = &[("tags", SEMICOLONS), ("boot_order", BOOT_ORDER)];
    const NUMBERED: &'static [(&'static str, u16)] = &[("usb", 4), ("serial", 3)];
}

fn live(settings: &[(&str, &str)]) -> Texts {
    settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// A guest in whose configuration nothing is.
fn nothing() -> Guest {
    Guest {
        cores: Some(1),
        screen: Some(Screen { kind: Some("std".to_owned()), memory: None }),
        usb: Some(BTreeMap::new()),
        serial: Some(BTreeMap::new()),
        ..Guest::default()
    }
}

fn change(want: &Guest, prior: Option<&Guest>, there: &[(&str, &str)]) -> Params {
    params(want, prior, Some(&live(there)), Params::new())
}

const FULL: &[(&str, &str)] = &[
    ("cores", "2"),
    ("hook", "local:snippets/x.sh"),
    ("tags", "a;b"),
    ("boot", "order=scsi0;net0"),
    ("vga", "clipboard=vnc,memory=32,type=qxl"),
    ("watchdog", "i6300esb,action=reset"),
    ("usb0", "spice,usb3=1"),
    ("usb1", "host=1-2"),
    ("serial0", "socket"),
    ("ciuser", "me"),
    ("other", "x"),
];

#[test]
fn what_was_read_has_nothing_to_be_changed() {
    let guest = read::<Guest>(&live(FULL), None);
    assert_eq!(guest.cores, Some(2));
    assert_eq!(guest.boot_order, Some(vec!["scsi0".to_owned(), "net0".to_owned()]));
    assert_eq!(guest.screen, Some(Screen { kind: Some("qxl".to_owned()), memory: Some(32) }));
    assert_eq!(guest.usb.as_ref().unwrap()["usb1"], Stick { host: Some("1-2".to_owned()), usb3: Some(false) });
    assert_eq!(guest.serial.as_ref().unwrap()["serial0"], "socket");
    assert_eq!(guest.user, Some(User { name: Some("me".to_owned()), upgrade: Some(true) }));
    assert!(change(&guest, Some(&guest), FULL).is_empty());
    assert_eq!(read(&live(FULL), Some(&guest)), guest);
}

#[test]
fn what_is_unset_is_left_alone_and_a_guest_with_nothing_has_nothing() {
    assert!(change(&Guest::default(), None, FULL).is_empty());
    assert_eq!(read::<Guest>(&live(&[]), None), nothing());
    assert!(change(&nothing(), None, FULL).names().eq(["cores", "vga"]), "what holds is as good as said");
    assert!(params(&Guest::default(), None, None, Params::new()).is_empty());
}

#[test]
fn the_same_in_other_words_is_the_same() {
    let asked = Guest {
        screen: Some(Screen { kind: Some("qxl".to_owned()), memory: None }),
        usb: Some(BTreeMap::from([("usb0".to_owned(), Stick { host: Some("spice".to_owned()), usb3: Some(true) })])),
        ..Guest::default()
    };
    for there in [[("vga", "type=qxl"), ("usb0", "usb3=on,host=spice")], [("vga", "qxl"), ("usb0", "spice,usb3=yes")]] {
        assert!(change(&asked, None, &there).is_empty(), "{there:?}");
        assert_eq!(
            read(&live(&there), Some(&asked)),
            Guest { screen: asked.screen.clone(), usb: asked.usb.clone(), ..nothing() }
        );
    }
    let tags = Guest { tags: Some(BTreeSet::from(["a".to_owned(), "b".to_owned()])), ..Guest::default() };
    assert!(change(&tags, None, &[("tags", "b;a")]).is_empty());
    assert_eq!(read(&live(&[("tags", "b,a")]), Some(&tags)).tags, tags.tags);
    // Nothing there, and nothing asked for that does not hold anyway.
    let std = Guest { screen: Some(Screen { kind: Some("std".to_owned()), memory: None }), ..Guest::default() };
    assert!(change(&std, None, &[]).is_empty());
    assert_eq!(read(&live(&[]), Some(&std)).screen, std.screen);
}

#[test]
fn only_what_differs_is_changed_and_the_rest_survives() {
    let want = Guest { screen: Some(Screen { kind: Some("std".to_owned()), memory: Some(16) }), ..Guest::default() };
    assert_eq!(change(&want, None, FULL), Params::new().set("vga", "std,clipboard=vnc,memory=16"));
    let want = Guest { screen: Some(Screen { kind: None, memory: Some(16) }), ..Guest::default() };
    assert_eq!(change(&want, None, FULL), Params::new().set("vga", "clipboard=vnc,memory=16,type=qxl"));
    assert_eq!(change(&want, None, &[]), Params::new().set("vga", "std,memory=16"), "what it is is said");
}

#[test]
fn what_is_empty_takes_away() {
    let want =
        Guest { hook: Some(String::new()), tags: Some(BTreeSet::new()), dog: Some(Dog::default()), ..Guest::default() };
    assert_eq!(change(&want, None, FULL), Params::new().remove("hook").remove("tags").remove("watchdog"));
    assert!(change(&want, None, &[]).is_empty());
    let (hook, tags, dog) = (want.hook.clone(), want.tags.clone(), want.dog.clone());
    assert_eq!(read(&live(&[]), Some(&want)), Guest { hook, tags, dog, ..nothing() });
    // A part that may be unset is not there when it is.
    let want = Guest { dog: Some(Dog { model: Some("i6300esb".to_owned()), action: None }), ..Guest::default() };
    assert_eq!(change(&want, None, FULL), Params::new().set("watchdog", "i6300esb"));
}

#[test]
fn numbered_ones_go_when_they_were_ours() {
    let before = read::<Guest>(&live(FULL), None);
    let mut want = before.clone();
    want.usb.as_mut().unwrap().remove("usb1");
    want.serial = Some(BTreeMap::new());
    assert_eq!(change(&want, Some(&before), FULL), Params::new().remove("usb1").remove("serial0"));
    assert!(change(&want, None, FULL).is_empty(), "what was never ours stays");
    let mut found = before.clone();
    as_planned(&mut found, &want, &want);
    assert_eq!(found.usb.unwrap().len(), 1);
}

#[test]
fn what_cannot_be_read_is_as_if_it_were_not_there() {
    let there = [("cores", "many"), ("vga", "qxl,qxl"), ("usb0", "=x"), ("ciuser", "me")];
    let guest = read::<Guest>(&live(&there), None);
    assert_eq!((guest.cores, guest.screen, guest.usb), (Some(1), nothing().screen, Some(BTreeMap::new())));
    assert_eq!(read::<Guest>(&live(&[("cores", "-1"), ("ciuser", "me")]), None).user.unwrap().name.unwrap(), "me");
}

#[test]
fn parameters_point_at_attributes() {
    let at = |parameter: &str| attribute::<Guest>(parameter).map(|path| path.to_string());
    assert_eq!(at("vga").as_deref(), Some("screen"));
    assert_eq!(at("usb2").as_deref(), Some("usb[\"usb2\"]"));
    assert_eq!(at("ciuser").as_deref(), Some("user.name"));
    assert_eq!((at("usb01"), at("memory"), at("*")), (None, None, None));
}
