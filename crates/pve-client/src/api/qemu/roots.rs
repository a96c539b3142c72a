//! Which settings of a VM PVE lets nobody change but root@pam, logged in with its password.

use std::collections::BTreeMap;

use crate::api::params::Params;

/// Settings that are root's whatever is in them.
const ALWAYS: [&str; 14] = [
    "affinity",
    "amd-sev",
    "arch",
    "args",
    "hookscript",
    "hugepages",
    "intel-tdx",
    "ivshmem",
    "keephugepages",
    "lock",
    "parallel0",
    "parallel1",
    "parallel2",
    "spice_enhancements",
];

/// The names among these parameters that are root's: by themselves, or by what is in them now (`live`) or is to be in them.
pub fn roots(params: &Params, live: &BTreeMap<String, String>) -> Vec<String> {
    let numbered = |name: &str, prefix: &str| name.strip_prefix(prefix).is_some_and(|n| n.parse::<u16>().is_ok());
    let is_roots = |name: &str, value: &str| {
        let has = |key: &str| value.split(',').any(|part| part.trim().starts_with(key));
        if numbered(name, "serial") {
            return value != "socket";
        }
        if numbered(name, "usb") {
            return !has("mapping=") && !value.to_lowercase().contains("spice");
        }
        numbered(name, "hostpci") && (!has("mapping=") || has("romfile="))
    };
    let all = params.names().filter(|name| {
        let values = [params.get(name), live.get(*name).map(String::as_str)];
        ALWAYS.contains(name) || values.into_iter().flatten().any(|value| is_roots(name, value))
    });
    all.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_roots_depends_on_what_is_in_it() {
        let of = |params: Params, live: &[(&str, &str)]| {
            roots(&params, &live.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
        };
        let mapped =
            Params::new().set("usb0", "mapping=a").set("hostpci0", "mapping=b,pcie=1").set("serial0", "socket");
        assert_eq!(of(mapped.set("usb1", "spice,usb3=1").set("cores", 2), &[]), [""; 0]);
        let raw = Params::new().set("usb0", "host=1-2").set("hostpci0", "01:00").set("serial0", "/dev/ttyS0");
        assert_eq!(of(raw.set("hostpci1", "mapping=b,romfile=x"), &[]), ["hostpci0", "hostpci1", "serial0", "usb0"]);
        assert_eq!(of(Params::new().remove("usb0"), &[("usb0", "1a2b:3c4d")]), ["usb0"]);
        assert_eq!(of(Params::new().remove("usb0").remove("args"), &[("usb0", "mapping=x")]), ["args"]);
    }
}
