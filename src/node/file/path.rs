//! Paths that are written, and those that are not.

/// Folders whose files are others' affair, and whose.
const FOLDERS: [(&str, &str); 12] = [
    ("/etc/pve", "it is the cluster's own file system, whose files PVE's API changes"),
    ("/var/lib/pve-cluster", "it holds the database behind /etc/pve"),
    ("/var/lib/pve-manager", "it is PVE's own"),
    ("/var/lib/ceph", "its files are Ceph's daemons' own"),
    ("/var/lib/dpkg", "it is the packages' own"),
    ("/proc", "nothing is stored there"),
    ("/sys", "nothing is stored there"),
    ("/dev", "nothing is stored there"),
    ("/run", "it is emptied at each start"),
    ("/var/run", "it is emptied at each start"),
    ("/tmp", "it is emptied, and everybody may write there"),
    ("/var/tmp", "it is emptied, and everybody may write there"),
];

/// Files that others own, and what to use.
const FILES: [(&str, &str); 16] = [
    ("/etc/hosts", "`pve_node_hosts` is for it"),
    ("/etc/resolv.conf", "`pve_node_dns` is for it"),
    ("/etc/timezone", "`pve_node_time` is for it"),
    ("/etc/localtime", "`pve_node_time` is for it"),
    (
        "/etc/network/interfaces",
        "PVE writes it itself, and a mistake in it cuts the node off: put a file of your own into \
         /etc/network/interfaces.d, which it includes",
    ),
    ("/etc/network/interfaces.new", "PVE keeps there what is not in force yet"),
    ("/etc/hostname", "the node's name is the cluster's affair"),
    ("/etc/machine-id", "it is the system's own"),
    ("/etc/corosync/corosync.conf", "the cluster gives it to each node"),
    ("/etc/corosync/authkey", "the cluster gives it to each node"),
    ("/etc/ceph/ceph.conf", "it is a link to the cluster's own file, and `pve_ceph_config` is for options"),
    ("/etc/passwd", "its users' tools change it"),
    ("/etc/group", "its users' tools change it"),
    ("/etc/shadow", "its users' tools change it"),
    ("/etc/gshadow", "its users' tools change it"),
    ("/root/.ssh/authorized_keys", "it is the cluster's own, a link into /etc/pve"),
];

/// The longest name: the content waits beside its place, under a longer one.
const LONGEST: usize = 200;

/// A path as it is stored, to a file that may be managed.
pub(super) fn check(path: &String) -> Result<(), String> {
    let Some(below) = path.strip_prefix('/') else { return Err("must begin with `/`".to_owned()) };
    let parts = || below.split('/');
    if parts().any(|part| part.is_empty() || part == "." || part == "..") {
        return Err(
            "must be the path of a file in its shortest form: no `//`, `.`, `..`, nor a `/` at its end".to_owned()
        );
    }
    if path.chars().any(char::is_control) {
        return Err("must hold no line feeds or other control characters".to_owned());
    }
    if path.len() > 2000 || parts().any(|part| part.len() > LONGEST) {
        return Err(format!("must have at most 2000 bytes, and {LONGEST} between two slashes"));
    }
    refused(path).map_or(Ok(()), |why| Err(format!("must not be {path}: {why}")))
}

/// Why a file at this path is not written, if so.
pub(super) fn refused(path: &str) -> Option<&'static str> {
    let within = |folder: &str| path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let folder = FOLDERS.iter().find(|(folder, _)| within(folder));
    folder.or_else(|| FILES.iter().find(|(file, _)| *file == path)).map(|(_, why)| *why)
}

#[test]
fn what_others_own_is_refused_and_what_is_beside_it_is_not() {
    let check = |path: &str| check(&path.to_owned());
    for path in
        ["/etc/wireguard/wg0.conf", "/etc/motd", "/etc/hosts.allow", "/etc/network/interfaces.d/lan", "/etc/pvex"]
    {
        assert_eq!(check(path), Ok(()), "{path}");
    }
    for (path, why) in [
        ("etc/motd", "begin with"),
        ("/", "shortest form"),
        ("/etc/../etc/hosts", "shortest form"),
        ("/etc//hosts", "shortest form"),
        ("/etc/motd/", "shortest form"),
        ("/etc/a\nb", "control"),
        ("/etc/pve/storage.cfg", "cluster's own file system"),
        ("/etc/pve", "cluster's own file system"),
        ("/etc/hosts", "pve_node_hosts"),
        ("/etc/network/interfaces", "interfaces.d"),
        ("/tmp/x", "everybody"),
    ] {
        assert!(check(path).unwrap_err().contains(why), "{path}: {:?}", check(path));
    }
    assert!(check(&format!("/{}", "x".repeat(201))).is_err());
}
