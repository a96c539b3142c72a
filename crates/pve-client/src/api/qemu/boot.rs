//! The boot order and the tags of a VM.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use crate::property_string::{BadPropertyString, PropertyString};
use crate::wire;

/// `boot: order=scsi0;ide2;net0`. PVE writes a single blank for "nothing to boot from".
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BootOrder(pub Vec<String>);

impl FromStr for BootOrder {
    type Err = BadPropertyString;

    /// The old form (`cdn`) names no devices and is read as an empty order.
    fn from_str(text: &str) -> Result<Self, BadPropertyString> {
        let string: PropertyString = text.parse()?;
        Ok(Self(string.get("order").map(wire::split_list).unwrap_or_default()))
    }
}

impl fmt::Display for BootOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0[..] {
            // `order=` without a value is refused.
            [] => Ok(()),
            devices => write!(f, "order={}", devices.join(";")),
        }
    }
}

/// Tags, which PVE prints with semicolons, usually sorted and in lower case, and takes with any separator.
pub fn read_tags(text: &str) -> BTreeSet<String> {
    wire::split_list(text).into_iter().collect()
}

/// Tags in PVE's own form.
pub fn print_tags<'a>(tags: impl IntoIterator<Item = &'a String>) -> String {
    tags.into_iter().map(String::as_str).collect::<Vec<_>>().join(";")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boot_orders_read_and_print() {
        let order: BootOrder = "order=scsi0;net0".parse().unwrap();
        assert_eq!(order.0, ["scsi0", "net0"]);
        assert_eq!(order.to_string(), "order=scsi0;net0");
        assert_eq!(" ".parse::<BootOrder>().unwrap().0, Vec::<String>::new());
        assert_eq!("cdn".parse::<BootOrder>().unwrap().0, Vec::<String>::new());
    }

    #[test]
    fn tags_are_a_set() {
        assert_eq!(print_tags(&read_tags("web;prod,db prod")), "db;prod;web");
    }
}
