//! Texts within PVE's answers that have a grammar of their own.

use std::fmt::{Debug, Display};
use std::str::FromStr;

use bolero::check;

use super::RANDOM;
use crate::api::ceph::crush::CrushMap;
use crate::api::ha::resource::Sid;
use crate::api::qemu::boot::{BootOrder, print_tags, read_tags};
use crate::api::qemu::cloud_init::{IpConfig, decode_ssh_keys, encode_ssh_keys};
use crate::api::qemu::drive::{Drive, DriveKey};
use crate::api::qemu::net::Net;
use crate::property_string::PropertyString;
use crate::size::Size;
use crate::version::Version;
use crate::{Upid, wire};

/// What can be read is printed so that it reads as the same.
fn comes_back<T: FromStr<Err: Debug> + Display + Debug + PartialEq>(text: &str) {
    let Ok(read) = text.parse::<T>() else { return };
    let printed = read.to_string();
    match printed.parse::<T>() {
        Ok(again) => assert_eq!(again, read, "by way of {printed:?}"),
        Err(error) => panic!("{read:?} is printed as {printed:?}, which cannot be read: {error:?}"),
    }
}

#[test]
fn property_strings() {
    check!(name = "property_strings").with_iterations(RANDOM).for_each(|input: &[u8]| {
        let text = String::from_utf8_lossy(input);
        comes_back::<PropertyString>(&text);
        comes_back::<Drive>(&text);
        comes_back::<DriveKey>(&text);
        comes_back::<Net>(&text);
        comes_back::<BootOrder>(&text);
        comes_back::<IpConfig>(&text);
        comes_back::<Size>(&text);
        comes_back::<Version>(&text);
        comes_back::<Sid>(&text);
        let tags = read_tags(&text);
        assert_eq!(read_tags(&print_tags(&tags)), tags);
        assert_eq!(decode_ssh_keys(&encode_ssh_keys(&text)), text.trim());
        let items = wire::split_list(&text);
        assert_eq!(wire::split_list(&items.join(",")), items);
    });
}

#[test]
fn upids() {
    check!(name = "upids").with_iterations(RANDOM).for_each(|input: &[u8]| {
        let text = String::from_utf8_lossy(input);
        let Ok(upid) = text.parse::<Upid>() else { return };
        assert_eq!(upid.to_string(), text);
        let parts = [upid.node(), upid.kind(), upid.id(), upid.user()];
        assert!(parts.iter().all(|part| !part.contains([':', '/', ' ', '\n'])), "{parts:?} would not stay in a path");
        let json = serde_json::to_string(&upid).expect("a text");
        assert_eq!(serde_json::from_str::<Upid>(&json).ok(), Some(upid));
    });
}

#[test]
fn crush_text() {
    check!(name = "crush_text").with_iterations(RANDOM).for_each(|input: &[u8]| {
        let text = String::from_utf8_lossy(input);
        let map = CrushMap::parse(&text);
        let lines = text.lines().count();
        let items: usize = map.buckets.iter().map(|bucket| bucket.items.len()).sum();
        let steps: usize = map.rules.iter().map(|rule| rule.steps.len()).sum();
        let kept = map.tunables.len() + map.devices.len() + map.types.len() + map.buckets.len();
        assert!(kept + items + steps + map.rules.len() + map.unread.len() <= lines, "more than was there");
        let hierarchy = map.hierarchy();
        for rule in &map.rules {
            let Some(shape) = rule.replicated_shape() else { continue };
            let below = hierarchy.osds_under(&shape.root, shape.device_class.as_deref());
            for (domain, osds) in hierarchy.domains(&shape) {
                assert!(!osds.is_empty() && osds.is_subset(&below), "{domain}: {osds:?}");
            }
        }
        for device in &map.devices {
            let _ = hierarchy.above(&device.name).count();
        }
    });
}
