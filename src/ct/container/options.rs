//! The settings of a `pve_container` that are a text or a property string each.

use std::collections::{BTreeMap, BTreeSet};

use terraform_plugin::Nested;
use terraform_plugin::value::Number;

use crate::ground::texts;
use crate::ground::wire::Spelling;
use crate::guest::Settings;
use crate::guest::spellings::SEMICOLONS;
use crate::vm::vm::Startup;

/// What a container has and how it is.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// Its name: letters, digits, `-` and `.`. Left alone when unset (a new one: `CT` and its number). The system inside takes it
    /// at its next start.
    #[attr(
        keep,
        regex = r"([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.)*[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?",
        length = ..=255,
        says = "a DNS name"
    )]
    pub hostname: Option<String>,
    /// The system inside, by which PVE sets up network and console: `debian`, `alpine`, ...; `unmanaged` leaves all that alone. Left
    /// alone when unset (a new one: what the archive shows).
    #[attr(keep, api = "ostype", one_of = [
        "debian", "devuan", "ubuntu", "centos", "fedora", "opensuse", "archlinux", "alpine", "gentoo", "nixos", "unmanaged",
    ])]
    pub os_type: Option<String>,
    /// Architecture. Left alone when unset (a new one: what the archive shows).
    #[attr(keep, one_of = ["amd64", "i386", "arm64", "armhf", "riscv32", "riscv64"])]
    pub arch: Option<String>,
    /// Cores. Left alone when unset (a new one: all of its node).
    #[attr(keep, range = 1..=8192)]
    pub cores: Option<u32>,
    /// The most processor time, in cores; 0: no limit.
    #[attr(keep, api = "cpulimit", usual = Number::from(0), check = up_to_8192)]
    pub cpu_limit: Option<Number>,
    /// Its weight for the scheduler. Left alone when unset (PVE's default: 100).
    #[attr(keep, api = "cpuunits", range = 0..=500_000)]
    pub cpu_units: Option<u32>,
    /// Memory in MiB. Left alone when unset (a new one: 512).
    #[attr(keep, range = 16..)]
    pub memory: Option<u64>,
    /// Swap in MiB. Left alone when unset (a new one: 512).
    #[attr(keep)]
    pub swap: Option<u64>,
    /// Starts together with its node.
    #[attr(keep, api = "onboot", usual = false)]
    pub on_boot: Option<bool>,
    /// Notes. Left alone when unset; an empty text removes them. White space at the end means nothing.
    #[attr(keep, usual = "", length = ..=8192, same = texts::same_but_end)]
    pub description: Option<String>,
    /// Tags. Left alone when unset; an empty set removes them. Upper and lower case mean the same.
    #[attr(keep, each = texts::tag, same = same_tags)]
    pub tags: Option<BTreeSet<String>>,
    /// Neither the container nor a volume of it can be removed in PVE. `pve_container` cannot be destroyed while this is true.
    #[attr(keep, usual = false)]
    pub protection: Option<bool>,
    /// When it starts and stops among all guests, as its node does. Left alone when unset; an empty one removes it.
    #[attr(keep)]
    pub startup: Option<Startup>,
    /// A script that PVE runs when it starts and stops, as a volume with snippets: `local:snippets/hook.pl`. An empty text removes
    /// it. Takes the login of `root@pam`.
    #[attr(keep, api = "hookscript", usual = "", check = texts::one_line_or_none)]
    pub hook_script: Option<String>,
    /// Its time zone, such as `Europe/Vienna`; `host`: that of its node. An empty text leaves it to the system inside.
    #[attr(keep, usual = "", check = texts::one_line_or_none)]
    pub timezone: Option<String>,
    /// Whether it has a console.
    #[attr(keep, usual = true)]
    pub console: Option<bool>,
    /// How many terminals it has.
    #[attr(keep, usual = 2_u32, range = 0..=6)]
    pub tty: Option<u32>,
    /// What the console shows: `tty` a terminal, `console` what the first process writes, `shell` a shell without a login.
    #[attr(keep, api = "cmode", usual = "tty", one_of = ["tty", "console", "shell"])]
    pub console_mode: Option<String>,
    /// The first process, with its arguments (PVE 9.1). Left alone when unset (`/sbin/init`, or what the image says).
    #[attr(keep, check = texts::one_line_or_none)]
    pub entrypoint: Option<String>,
    /// What it may do that containers usually may not. Left alone when unset. All but `nesting` takes the login of `root@pam`, and
    /// so does all of it for one that is not unprivileged.
    #[attr(keep)]
    pub features: Option<Features>,
    /// Name resolution inside. Left alone when unset (a new one: as its node).
    #[attr(keep, api = "*")]
    pub dns: Option<Dns>,
    /// Network devices: `net0` to `net31`. Left alone as a whole when unset.
    #[attr(keep, api = "net")]
    pub networks: Option<BTreeMap<String, Network>>,
    /// Devices of the node that are handed through: `dev0` to `dev255`. Left alone as a whole when unset. Takes the login of
    /// `root@pam`.
    #[attr(keep, api = "dev")]
    pub devices: Option<BTreeMap<String, Device>>,
}

impl Settings for Options {
    const SPELT: &'static [(&'static str, Spelling)] = &[("tags", SEMICOLONS)];
    const NUMBERED: &'static [(&'static str, u16)] = &[("networks", 31), ("devices", 255)];
}

/// What a container may do.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct Features {
    /// Containers within it, and what systemd needs to protect its services.
    #[attr(keep, usual = false)]
    pub nesting: Option<bool>,
    /// The kernel's keyrings, which Docker wants.
    #[attr(keep, usual = false)]
    pub keyctl: Option<bool>,
    /// FUSE file systems.
    #[attr(keep, usual = false)]
    pub fuse: Option<bool>,
    /// Some devices may be made.
    #[attr(keep, usual = false)]
    pub mknod: Option<bool>,
    /// `/sys` can be written in an unprivileged one.
    #[attr(keep, usual = false)]
    pub force_rw_sys: Option<bool>,
    /// The types of file systems it may mount, with semicolons between them: `nfs;cifs`. An empty text: none.
    #[attr(keep, usual = "", check = types)]
    pub mount: Option<String>,
}

/// Name resolution.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct Dns {
    /// Servers. An empty list removes them.
    #[attr(keep, api = "nameserver", each = texts::one_word)]
    pub servers: Option<Vec<String>>,
    /// Search domains, with blanks between them. An empty text removes them.
    #[attr(keep, api = "searchdomain", usual = "", check = texts::one_line_or_none, same = texts::same_items)]
    pub domain: Option<String>,
}

/// A network device.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct Network {
    /// What it is called inside: `eth0`.
    #[attr(required, regex = r"[-_.A-Za-z0-9]+", says = "letters, digits, `-`, `_`, `.`")]
    pub name: String,
    /// The bridge (or SDN vnet) it is connected to, such as `vmbr0`. Unset: none.
    #[attr(optional, regex = r"[-_.A-Za-z0-9]+", says = "letters, digits, `-`, `_`, `.`")]
    pub bridge: Option<String>,
    /// VLAN. Unset: none.
    #[attr(optional, range = 1..=4094)]
    pub tag: Option<u16>,
    /// MAC address. Left alone when unset (PVE makes one for a new device).
    #[attr(
        keep,
        api = "hwaddr",
        regex = "([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}",
        says = "six pairs of hexadecimal digits with colons",
        same = texts::same_but_case
    )]
    pub mac: Option<String>,
    /// IPv4 address with its prefix, `dhcp`, or `manual`. Unset: none.
    #[attr(optional, check = texts::one_word)]
    pub ip: Option<String>,
    /// IPv4 gateway.
    #[attr(optional, check = texts::one_word)]
    pub gw: Option<String>,
    /// IPv6 address with its prefix, `auto`, `dhcp`, or `manual`. Unset: none.
    #[attr(optional, check = texts::one_word)]
    pub ip6: Option<String>,
    /// IPv6 gateway.
    #[attr(optional, check = texts::one_word)]
    pub gw6: Option<String>,
    /// Whether PVE's firewall filters it.
    #[attr(keep, usual = false)]
    pub firewall: Option<bool>,
    /// The cable is out.
    #[attr(keep, usual = false)]
    pub link_down: Option<bool>,
    /// The largest packet. Left alone when unset (the bridge's).
    #[attr(keep, range = 64..=65_535)]
    pub mtu: Option<u32>,
    /// The most MB a second. Unset: no limit.
    #[attr(optional, check = not_negative)]
    pub rate: Option<Number>,
    /// The VLANs that pass through: `1;5`. Unset: none.
    #[attr(optional, regex = r"\d+(;\d+)*", says = "numbers with semicolons between them")]
    pub trunks: Option<String>,
    /// Whether addresses are set from outside, for what has no network service of its own (PVE 9.1). Left alone when unset.
    #[attr(keep, api = "host-managed", usual = false)]
    pub host_managed: Option<bool>,
}

/// A device that is handed through.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct Device {
    /// Its path on the node: `/dev/dri/renderD128`.
    #[attr(required, api = "=path", regex = r"/dev/[^,]+", says = "a path below /dev")]
    pub path: String,
    /// Its mode inside, such as `0660`.
    #[attr(optional, regex = "0[0-7]{3}", says = "four octal digits, the first of which is 0")]
    pub mode: Option<String>,
    /// Its owner inside.
    #[attr(optional)]
    pub uid: Option<u32>,
    /// Its group inside.
    #[attr(optional)]
    pub gid: Option<u32>,
    /// Whether it cannot be written.
    #[attr(keep, api = "deny-write", usual = false)]
    pub deny_write: Option<bool>,
}

pub fn same_tags(a: &BTreeSet<String>, b: &BTreeSet<String>) -> bool {
    let lower = |tags: &BTreeSet<String>| tags.iter().map(|tag| tag.to_lowercase()).collect::<BTreeSet<_>>();
    lower(a) == lower(b)
}

fn not_negative(number: &Number) -> Result<(), String> {
    if *number >= Number::from(0) { Ok(()) } else { Err("must not be negative".to_owned()) }
}

fn up_to_8192(number: &Number) -> Result<(), String> {
    let inside = *number >= Number::from(0) && *number <= Number::from(8192);
    if inside { Ok(()) } else { Err("must be between 0 and 8192".to_owned()) }
}

fn types(text: &String) -> Result<(), String> {
    match text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ';') {
        true => Ok(()),
        false => Err("must be names of file systems with semicolons between them".to_owned()),
    }
}
