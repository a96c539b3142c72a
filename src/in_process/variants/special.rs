//! Values that cannot be known from a schema.

/// Values for an attribute where those that follow from its type make no sense, one after the other, as HCL.
pub(super) fn values(resource: &str, attribute: &str) -> Option<&'static [&'static str]> {
    match resource {
        "pve_ceph_crush_rule" => crush_rule(attribute),
        "pve_ceph_manager" | "pve_ceph_metadata_server" | "pve_ceph_monitor" => daemon(attribute),
        "pve_ceph_osd" => osd(attribute),
        "pve_ceph_pool" => pool(attribute),
        "pve_storage_rbd" => storage_rbd(attribute),
        "pve_vm" => vm(attribute),
        "pve_vm_disk_move" => disk_move(attribute),
        "pve_firewall_rules" if attribute == "rules" => Some(RULES),
        "pve_node_time" if attribute == "timezone" => Some(&["\"Europe/Vienna\""]),
        "pve_role" if attribute == "privs" => Some(&["[\"VM.Audit\", \"VM.Console\"]"]),
        _ => None,
    }
}

/// Of the example's: one goes, one is changed, one stays, and one comes.
const RULES: &[&str] = &[
    "[ { type = \"in\", action = \"ACCEPT\", proto = \"tcp\", dport = \"8007\" }, { type = \"in\", action = \"DROP\", log = \"info\" }, \
     { type = \"out\", action = \"ACCEPT\", proto = \"udp\", dport = \"53\" } ]",
];

fn crush_rule(attribute: &str) -> Option<&'static [&'static str]> {
    Some(match attribute {
        // The only bucket that rules can begin at in a new cluster.
        "root" => &["\"default\"", "\"no_such_root\""],
        // All disks there are SSDs.
        "device_class" => &["\"ssd\"", "\"no_such_class\""],
        _ => return None,
    })
}

fn daemon(attribute: &str) -> Option<&'static [&'static str]> {
    Some(match attribute {
        // On each of the others of three nodes there is one already.
        "node" => &["\"pve1\"", "\"pve9\""],
        "name" => &["\"other\"", "\"no good\""],
        // The one that the node has: only its task finds out about others, when what was there is gone.
        "address" => &["\"10.0.0.2\""],
        _ => return None,
    })
}

fn osd(attribute: &str) -> Option<&'static [&'static str]> {
    Some(match attribute {
        "crush_device_class" => &["\"nvme\"", "\"fast\""],
        // Another disk is another OSD.
        "node" | "device" => &[],
        // A change replaces it, which has to be allowed by then.
        "encrypted" => &["false", "true"],
        // Words of PVE for what is on a disk.
        "wipe_if" => &["[\"ext4\"]", "[\"ext4\", \"LVM\"]"],
        _ => return None,
    })
}

fn pool(attribute: &str) -> Option<&'static [&'static str]> {
    Some(match attribute {
        // Three hosts: one copy is refused without `allow_single_copy`, seven have no place.
        "size" => &["1", "2", "7"],
        // At most `size`, which is 3 again by then.
        "min_size" => &["4", "1", "3"],
        // One that exists, and one that does not.
        "crush_rule" => &["\"replicated_rule\"", "\"no_such_rule\""],
        // Ceph allows so many placement groups an OSD, and wants a power of two.
        "pg_num" | "pg_num_min" => &["16", "64"],
        // What PVE can say, and only of a pool that is used for nothing; and what it cannot.
        "application" => &["\"rbd\"", "\"something\""],
        // A share.
        "target_size_ratio" => &["0.25", "0.5"],
        _ => return None,
    })
}

fn storage_rbd(attribute: &str) -> Option<&'static [&'static str]> {
    Some(match attribute {
        // What such a storage can hold.
        "content" => &["[\"rootdir\"]", "[\"images\", \"rootdir\"]", "[\"iso\"]"],
        "nodes" => &["[\"pve1\"]", "[\"pve1\", \"pve2\"]"],
        _ => return None,
    })
}

fn vm(attribute: &str) -> Option<&'static [&'static str]> {
    Some(match attribute {
        // A change replaces the machine, and so does the way back.
        "vmid" => &["132"],
        "name" => &["\"first\"", "\"second.example\"", "\"no_dns_name\""],
        "node" => &["\"pve1\"", "\"pve2\""],
        // A node has eight.
        "cores" => &["1", "4"],
        "sockets" => &["2", "1"],
        "cpu" => &["\"host\"", "\"x86-64-v2-AES\""],
        "machine" => &["\"q35\"", "\"pc\""],
        "tags" => &["[\"first\"]", "[\"first\", \"second\"]", "[\"no tag\"]"],
        // The first disk keeps its size: disks never shrink, so there would be no way back.
        "disks" => &[
            "{ scsi0 = { size = \"8G\", initial_storage = \"local-lvm\", cache = \"writeback\", ssd = true } }",
            "{ scsi0 = { size = \"8G\", storage = \"local-lvm\", discard = false, iothread = false }, \
               scsi1 = { size = \"1G\", storage = \"local-lvm\" } }",
        ],
        "networks" => &[
            "{ net0 = { bridge = \"vmbr0\", model = \"e1000e\", tag = 30, firewall = true } }",
            "{ net0 = { bridge = \"vmbr0\", mac = \"BC:24:11:00:00:01\" }, net1 = {} }",
        ],
        "cloud_init" => &[
            "{ storage = \"local-lvm\", user = \"first\", ssh_keys = [], dns = { servers = [\"192.0.2.1\", \"192.0.2.2\"] } }",
            "{ user = \"second\", dns = { domain = \"example.com\" }, \
               ip_config = { net0 = { ip = \"dhcp\", ip6 = \"2001:db8::5/64\", gw6 = \"2001:db8::1\" } } }",
            "{ ip_config = { net0 = { ip = \"192.0.2.5/24\", gw = \"192.0.2.1\" } } }",
        ],
        _ => return None,
    })
}

fn disk_move(attribute: &str) -> Option<&'static [&'static str]> {
    Some(match attribute {
        "storage" => &["\"local-lvm\""],
        "bandwidth_limit" => &["\"10MiB/s\"", "\"20MiB/s\"", "\"fast\""],
        _ => return None,
    })
}
