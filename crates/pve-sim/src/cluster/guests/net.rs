//! Network strings: `virtio=BC:24:11:00:00:01,bridge=vmbr0`.

use std::collections::BTreeMap;

const MODELS: [&str; 16] = [
    "e1000",
    "e1000-82540em",
    "e1000-82544gc",
    "e1000-82545em",
    "e1000e",
    "i82551",
    "i82557b",
    "i82559er",
    "ne2k_isa",
    "ne2k_pci",
    "pcnet",
    "rtl8139",
    "virtio",
    "vmxnet3",
    "igb",
    "rtl8029",
];

/// A network string with an address of its own.
pub fn with_new_mac(text: &str, ids: &mut crate::kernel::ids::Ids) -> String {
    let old = text.split(',').find_map(|part| part.split_once('=').filter(|(key, _)| MODELS.contains(key)));
    let without = old.map(|(model, mac)| text.replacen(&format!("{model}={mac}"), model, 1));
    without.and_then(|text| normalise(&text, || super::change::mac(ids))).unwrap_or_else(|| text.to_owned())
}

/// Brings a network string into PVE's normal form: model and MAC first, then the options by name.
/// `mac` gives the address where none is in the string. `None` where there is no model.
pub fn normalise(text: &str, mac: impl FnOnce() -> String) -> Option<String> {
    let mut model = None;
    let mut address = None;
    let mut options = BTreeMap::new();
    for part in text.split(',').filter(|p| !p.is_empty()) {
        match part.split_once('=') {
            None => model = Some(part.to_owned()),
            Some(("model", value)) => model = Some(value.to_owned()),
            Some(("macaddr", value)) => address = Some(value.to_owned()),
            Some((key, value)) if MODELS.contains(&key) => {
                model = Some(key.to_owned());
                address = Some(value.to_owned());
            }
            Some((key, value)) => {
                options.insert(key.to_owned(), value.to_owned());
            }
        }
    }
    let model = model.filter(|m| MODELS.contains(&m.as_str()))?;
    let mut out = format!("{model}={}", address.unwrap_or_else(mac));
    for (key, value) in options {
        out.push_str(&format!(",{key}={value}"));
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(text: &str) -> Option<String> {
        normalise(text, || "BC:24:11:AA:BB:CC".into())
    }

    #[test]
    fn every_way_to_write_it_ends_the_same() {
        let wanted = Some("virtio=bc:24:11:00:00:02,bridge=vmbr0".to_owned());
        assert_eq!(normal("model=virtio,bridge=vmbr0,macaddr=bc:24:11:00:00:02"), wanted);
        assert_eq!(normal("virtio=bc:24:11:00:00:02,bridge=vmbr0"), wanted);
    }

    #[test]
    fn a_missing_address_is_given_one() {
        assert_eq!(
            normal("virtio,bridge=vmbr0,firewall=1,tag=10").as_deref(),
            Some("virtio=BC:24:11:AA:BB:CC,bridge=vmbr0,firewall=1,tag=10")
        );
    }

    #[test]
    fn a_model_is_needed() {
        assert_eq!(normal("bridge=vmbr0"), None);
        assert_eq!(normal("warp,bridge=vmbr0"), None);
    }
}
