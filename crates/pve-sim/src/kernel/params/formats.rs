//! PVE's named formats. An error is PVE's text without its last newline.
//!
//! A format that is not written here lets every text pass: the schema does not say what it demands.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use super::check::regex;
use super::property::{self, Keys};
use crate::cluster::access::roles;
use crate::kernel::calendar::Calendar;

/// How deep resource pools may lie within each other.
const POOL_LEVELS: usize = 3;

/// Splits a list as PVE does: at comma, semicolon, whitespace and NUL.
pub fn split_list(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c == ',' || c == ';' || c == '\0' || c.is_whitespace()).filter(|part| !part.is_empty())
}

/// Checks a text against a format; `path` is the parameter's name, for property strings.
pub fn check(path: &str, format: &str, text: &str) -> Result<(), String> {
    if let Some(keys) = named_properties(format) {
        return check_properties(path, format, keys, text);
    }
    if let Some(element) = format.strip_suffix("-list") {
        return split_list(text).try_for_each(|part| check(path, element, part));
    }
    if let Some(inner) = format.strip_suffix("-opt") {
        return if text.is_empty() { Ok(()) } else { check(path, inner, text) };
    }
    let matches = |pattern: &str| regex(pattern).is_match(text);
    let demand = |ok: bool, why: &str| if ok { Ok(()) } else { Err(why.to_owned()) };
    match format {
        "pve-vmid" => demand(matches(r"^[1-9][0-9]{2,8}$"), "value does not look like a valid VM ID"),
        "pve-node" => {
            demand(matches(r"^(?i-u:[a-z0-9]([a-z0-9\-]*[a-z0-9])?)$"), "value does not look like a valid node name")
        }
        "pve-configid" => demand(matches(r"^(?i-u:[a-z][a-z0-9_-]+)$"), &format!("invalid configuration ID '{text}'")),
        "pve-realm" => demand(matches(r"^[A-Za-z][A-Za-z0-9.\-_]+$"), "value does not look like a valid realm"),
        "pve-userid" => user_id(text),
        "pve-tokenid" => demand(
            matches(r"^[^\s:/]+@[A-Za-z][A-Za-z0-9.\-_]+![A-Za-z][A-Za-z0-9.\-_]+$"),
            &format!("value '{text}' does not look like a valid token ID"),
        ),
        "pve-groupid" => {
            demand(matches(r"^[A-Za-z0-9.\-_]+$"), &format!("group name '{text}' contains invalid characters"))
        }
        "pve-roleid" => {
            demand(matches(r"^[A-Za-z0-9.\-_]+$"), &format!("role name '{text}' contains invalid characters"))
        }
        "pve-poolid" if text.split('/').count() > POOL_LEVELS => {
            Err(format!("pool name '{text}' nested too deeply (max levels = {POOL_LEVELS})"))
        }
        "pve-poolid" => demand(
            matches(r"^[A-Za-z0-9.\-_]+(/[A-Za-z0-9.\-_]+){0,2}$"),
            &format!("pool name '{text}' contains invalid characters"),
        ),
        "pve-priv" => demand(roles::PRIVILEGES.contains(&text), &format!("invalid privilege '{text}'")),
        "email" => demand(
            matches(r"^[\w+~\-]+(\.[\w+~\-]+)*@[a-zA-Z0-9\-]+(\.[a-zA-Z0-9\-]+)*$"),
            "value does not look like a valid email address",
        ),
        "email-or-username" => demand(
            matches(r"^[\w+~\-]+(\.[\w+~\-]+)*(@[a-zA-Z0-9\-]+(\.[a-zA-Z0-9\-]+)*)?$"),
            "value does not look like a valid email address or user name",
        ),
        "pve-calendar-event" => demand(
            Calendar::parse(text).is_some(),
            &format!(
                "invalid calendar event '{text}' - unable to parse calendar event at '{text}' - Context(\"weekday\")\n"
            ),
        ),
        // Belief: PVE::Replication's form is that of the pattern.
        "pve-replication-job-id" => {
            demand(matches(r"^[1-9][0-9]{2,8}-\d{1,9}$"), &format!("invalid replication job id '{text}'"))
        }
        // Belief: PVE::Storage: what separates the parts of a property string, or stands for something in one.
        "pve-storage-path-in-property-string" => demand(
            text.starts_with('/') && text.len() > 1 && !text.contains([';', ',', '=', '(', ')']),
            "value does not look like a valid absolute path",
        ),
        // Belief: PVE::Status::Graphite.
        "graphite-path" => {
            demand(matches(r"^[0-9A-Za-z_\-]+(\.[0-9A-Za-z_\-]+)*$"), "value does not look like a valid graphite path")
        }
        "pve-storage-id" => storage_id(text),
        "pve-storage-path" => {
            demand(text.starts_with('/') && text.len() > 1, "value does not look like a valid absolute path")
        }
        "pve-storage-content" => demand(
            ["images", "rootdir", "vztmpl", "iso", "backup", "snippets", "import", "none"].contains(&text),
            &format!("invalid content type '{text}'"),
        ),
        "pve-storage-vgname" => demand(
            matches(r"^(?i-u:[a-z0-9][a-z0-9_.\-]*[a-z0-9])$"),
            &format!("lvm name '{text}' contains illegal characters"),
        ),
        "pve-volume-id" | "pve-volume-id-or-absolute-path" | "pve-volume-id-or-qm-path" => volume_id(format, text),
        "pve-bridge-id" => demand(matches(r"^[\w:.\-]{1,20}$"), &format!("invalid bridge name '{text}'")),
        "ip" => demand(text.parse::<IpAddr>().is_ok(), "value does not look like a valid IP address"),
        "ipv4" => demand(text.parse::<Ipv4Addr>().is_ok(), "value does not look like a valid IPv4 address"),
        "ipv6" => demand(text.parse::<Ipv6Addr>().is_ok(), "value does not look like a valid IPv6 address"),
        "CIDR" => demand(cidr(text).is_some(), "value does not look like a valid CIDR network"),
        "CIDRv4" => demand(matches!(cidr(text), Some(IpAddr::V4(_))), "value does not look like a valid IPv4 network"),
        "CIDRv6" => demand(matches!(cidr(text), Some(IpAddr::V6(_))), "value does not look like a valid IPv6 network"),
        "IPorCIDR" => demand(
            text.parse::<IpAddr>().is_ok() || cidr(text).is_some(),
            "value does not look like a valid IP address or CIDR network",
        ),
        "ipv4-config" => demand(
            text == "dhcp" || text == "manual" || matches!(cidr(text), Some(IpAddr::V4(_))),
            "value does not look like a valid ipv4 network configuration",
        ),
        "ipv6-config" => demand(
            ["auto", "dhcp", "manual"].contains(&text) || matches!(cidr(text), Some(IpAddr::V6(_))),
            "value does not look like a valid ipv6 network configuration",
        ),
        "address" => demand(
            text.parse::<IpAddr>().is_ok() || dns_name(text),
            &format!("value does not look like a valid address: {text}"),
        ),
        "dns-name" => demand(dns_name(text), "value does not look like a valid DNS name"),
        "mac-addr" => demand(
            unicast_mac(text, r"^(?i-u:[0-9a-f]{2}(:[0-9a-f]{2}){5})$"),
            "value does not look like a valid unicast MAC address",
        ),
        "mac-prefix" => demand(
            unicast_mac(text, r"^(?i-u:[0-9a-f]{2}(:[0-9a-f]{2}){2,4}:?)$"),
            "value is not a valid unicast MAC address prefix",
        ),
        "disk-size" => {
            demand(matches(r"^(\d+(\.\d+)?)([KMGT])?$"), &format!("value does not look like a valid disk size: {text}"))
        }
        "urlencoded" => {
            demand(matches(r"^([A-Za-z0-9\-_.~]|%[0-9A-Fa-f]{2})*$"), &format!("invalid urlencoded string: {text}"))
        }
        // Belief: that it names the first of them.
        "pve-hotplug-features" => {
            let known = ["network", "disk", "cpu", "memory", "usb", "cloudinit"];
            let unknown = split_list(text).find(|feature| !known.contains(feature));
            match unknown.filter(|_| !["0", "1"].contains(&text)) {
                Some(feature) => Err(format!("invalid hotplug feature '{feature}'")),
                None => Ok(()),
            }
        }
        "pve-tag" => demand(matches(r"^(?i-u:[a-z0-9_][a-z0-9_\-\+.]*)$"), "invalid characters in tag"),
        "pve-task-status-type" => {
            demand(["ok", "error", "warning", "unknown"].contains(&text), &format!("invalid status '{text}'"))
        }
        "pve-startup-order" => demand(
            matches(r"^(order=)?\d+(,(up|down)=\d+)*$|^(order|up|down)=\d+(,(order|up|down)=\d+)*$"),
            "unable to parse startup options",
        ),
        "lxc-ip-with-ll-iface" => {
            let address = text.split_once('%').map_or(text, |(address, _)| address);
            demand(address.parse::<IpAddr>().is_ok(), "value does not look like a valid IP address")
        }
        "pve-lxc-dev-string" => demand(
            text.starts_with("/dev/") && !text.contains("..") && text.len() > 5,
            // Belief: pve-container, LXC/Config.pm.
            &format!("{text} is not a valid device path"),
        ),
        "pve-lxc-mp-string" => {
            // Belief: pve-container, LXC/Config.pm; that a relative path passes was recorded.
            demand(!text.split('/').any(|part| part == ".."), "invalid path: '..' is not allowed")
        }
        // Belief: any name of an area that has time zones; PVE reads the list that its tzdata has.
        "pve-ct-timezone" => demand(
            text == "host"
                || matches(
                    r"^(Africa|America|Antarctica|Arctic|Asia|Atlantic|Australia|Europe|Indian|Pacific|Etc)/[A-Za-z0-9_+\-/]+$|^UTC$",
                ),
            &format!("invalid time zone '{text}'"),
        ),
        "pve-ha-resource-or-vm-id" => {
            // What kinds and numbers there are is left to the handler. Belief: the text.
            demand(matches(r"^(\S+:)?\S+$"), "unable to parse ha resource/vm id")
        }
        "pve-ha-resource-id" => demand(matches(r"^(vm|ct):[1-9][0-9]{2,8}$"), "unable to parse ha resource id"),
        "pve-ha-node" => demand(
            matches(r"^(?i-u:[a-z0-9]([a-z0-9\-]*[a-z0-9])?(:\d+)?)$"),
            "value does not look like a valid ha node",
        ),
        _ => Ok(()),
    }
}

/// Formats that are property strings but whose keys the schema leaves out.
pub fn named_properties(format: &str) -> Option<&'static Keys> {
    static PRUNE: LazyLock<Keys> = LazyLock::new(|| {
        let kinds = ["keep-last", "keep-hourly", "keep-daily", "keep-weekly", "keep-monthly", "keep-yearly"];
        let integer = kinds.map(|k| (k, r#"{"type": "integer", "minimum": 0, "optional": 1}"#));
        keys_of(integer.into_iter().chain([("keep-all", r#"{"type": "boolean", "optional": 1}"#)]))
    });
    static IPCONFIG: LazyLock<Keys> = LazyLock::new(|| {
        keys_of([
            ("ip", r#"{"type": "string", "format": "ipv4-config", "optional": 1}"#),
            ("gw", r#"{"type": "string", "format": "ipv4", "optional": 1, "requires": "ip"}"#),
            ("ip6", r#"{"type": "string", "format": "ipv6-config", "optional": 1}"#),
            ("gw6", r#"{"type": "string", "format": "ipv6", "optional": 1, "requires": "ip6"}"#),
        ])
    });
    static BOOT: LazyLock<Keys> = LazyLock::new(|| {
        keys_of([
            ("legacy", r#"{"type": "string", "pattern": "[acdn]{1,4}", "optional": 1, "default_key": 1}"#),
            ("order", r#"{"type": "string", "optional": 1}"#),
        ])
    });
    static IDE: LazyLock<Keys> = LazyLock::new(|| {
        // IDE disks have what SATA disks have, and a model.
        let sata = property::keys("POST", "/nodes/{node}/qemu", "sata0").cloned().unwrap_or_default();
        let model = r#"{"type": "string", "format": "urlencoded", "maxLength": 120, "optional": 1}"#;
        sata.into_iter().chain(keys_of([("model", model)])).collect()
    });
    static FLEECING: LazyLock<Keys> = LazyLock::new(|| {
        keys_of([
            ("enabled", r#"{"type": "boolean", "optional": 1, "default_key": 1}"#),
            ("storage", r#"{"type": "string", "format": "pve-storage-id", "optional": 1}"#),
        ])
    });
    static PERFORMANCE: LazyLock<Keys> = LazyLock::new(|| {
        keys_of([
            ("max-workers", r#"{"type": "integer", "minimum": 1, "maximum": 256, "optional": 1}"#),
            ("pbs-entries-max", r#"{"type": "integer", "minimum": 1, "optional": 1}"#),
        ])
    });
    match format {
        "backup-fleecing" => Some(&FLEECING),
        "backup-performance" => Some(&PERFORMANCE),
        "prune-backups" => Some(&PRUNE),
        "pve-qm-ipconfig" => Some(&IPCONFIG),
        "pve-qm-boot" => Some(&BOOT),
        "pve-qm-ide" => Some(&IDE),
        other => super::guest_formats::keys(other),
    }
}

pub(super) fn keys_of(keys: impl IntoIterator<Item = (&'static str, &'static str)>) -> Keys {
    // The texts stand above in this file and are read by a test.
    let read = |text| serde_json::from_str(text).expect("a schema of this file");
    keys.into_iter().map(|(key, schema)| (key.to_owned(), read(schema))).collect()
}

fn check_properties(path: &str, format: &str, keys: &Keys, text: &str) -> Result<(), String> {
    if format == "pve-qm-boot" && text.trim().is_empty() {
        return Ok(());
    }
    let values = property::parse(path, keys, text)?;
    if format == "prune-backups" && values.contains_key("keep-all") && values.len() > 1 {
        return Err("keep-all cannot be set together with other options.".to_owned());
    }
    Ok(())
}

fn user_id(text: &str) -> Result<(), String> {
    let length = text.chars().count();
    if length < 3 {
        return Err(format!("user name '{text}' is too short"));
    }
    if length > 64 {
        return Err(format!("user name '{text}' is too long ({length} > 64)"));
    }
    if regex(r"^[^\s:/]+@[A-Za-z][A-Za-z0-9.\-_]+$").is_match(text) {
        return Ok(());
    }
    Err(format!("value '{text}' does not look like a valid user name"))
}

/// A storage's name.
///
/// # Errors
/// PVE's text.
pub fn storage_id(text: &str) -> Result<(), String> {
    if text.chars().count() < 2 {
        return Err(format!("storage ID '{text}' cannot be shorter than 2 characters"));
    }
    if regex(r"^(?i-u:[a-z][a-z0-9\-_.]*[a-z0-9])$").is_match(text) {
        return Ok(());
    }
    Err(format!("storage ID '{text}' contains illegal characters"))
}

fn volume_id(format: &str, text: &str) -> Result<(), String> {
    let volume = regex(r"^(?i-u:[a-z][a-z0-9\-_.]*[a-z0-9]):.+$").is_match(text);
    let path = text.starts_with('/');
    let allowed = match format {
        "pve-volume-id" => volume,
        "pve-volume-id-or-absolute-path" => volume || path,
        _ => volume || path || text == "none" || text == "cdrom",
    };
    if allowed { Ok(()) } else { Err(format!("unable to parse volume ID '{text}'")) }
}

fn cidr(text: &str) -> Option<IpAddr> {
    let (address, bits) = text.split_once('/')?;
    let address: IpAddr = address.parse().ok()?;
    let bits: u8 = bits.parse().ok()?;
    let range = if address.is_ipv4() { 8..=32 } else { 8..=128 };
    range.contains(&bits).then_some(address)
}

fn dns_name(text: &str) -> bool {
    regex(r"^(?i-u:([a-z0-9]([a-z0-9\-]*[a-z0-9])?)(\.([a-z0-9]([a-z0-9\-]*[a-z0-9])?))*)$").is_match(text)
}

/// The lowest bit of the first byte marks a multicast address.
fn unicast_mac(text: &str, pattern: &str) -> bool {
    regex(pattern).is_match(text) && u8::from_str_radix(&text[..2], 16).is_ok_and(|first| first & 1 == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_those_recorded() {
        for (format, text, why) in [
            ("pve-vmid", "99", "value does not look like a valid VM ID"),
            ("pve-configid", "1bad", "invalid configuration ID '1bad'"),
            ("pve-realm", "bad realm", "value does not look like a valid realm"),
            ("pve-userid", "noreal", "value 'noreal' does not look like a valid user name"),
            ("email-opt", "notmail", "value does not look like a valid email address"),
            ("pve-groupid", "bad group", "group name 'bad group' contains invalid characters"),
            ("pve-priv-list", "VM.Audit,No.Such", "invalid privilege 'No.Such'"),
            ("pve-storage-id", "1bad", "storage ID '1bad' contains illegal characters"),
            ("pve-storage-id", "d", "storage ID 'd' cannot be shorter than 2 characters"),
            ("pve-storage-path", "x", "value does not look like a valid absolute path"),
            ("pve-storage-content-list", "iso,bogus", "invalid content type 'bogus'"),
            ("prune-backups", "keep-all=1,keep-last=2", "keep-all cannot be set together with other options."),
            ("CIDR", "bogus", "value does not look like a valid CIDR network"),
            ("pve-tag-list", "a b!", "invalid characters in tag"),
            ("urlencoded", "ssh-ed25519 AAAA test", "invalid urlencoded string: ssh-ed25519 AAAA test"),
            ("mac-prefix", "zz", "value is not a valid unicast MAC address prefix"),
            ("pve-node", "bad name!", "value does not look like a valid node name"),
        ] {
            assert_eq!(check("x", format, text).unwrap_err(), why);
        }
    }

    #[test]
    fn what_is_good_passes() {
        for (format, text) in [
            ("pve-vmid-list", "100,101 102"),
            ("email-opt", ""),
            ("pve-volume-id-or-qm-path", "none"),
            ("pve-qm-ide", "local:cloudinit,model=x"),
            ("pve-qm-boot", "order=scsi0;net0"),
            ("pve-qm-ipconfig", "ip=10.0.0.5/24,gw=10.0.0.1"),
            ("prune-backups", "keep-last=3"),
            ("mac-addr", "BC:24:11:00:00:01"),
            ("a-format-nobody-knows", "x"),
        ] {
            assert_eq!(check("x", format, text), Ok(()), "{format}");
        }
    }
}
