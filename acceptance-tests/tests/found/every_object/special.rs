//! What cannot be known from a schema.

/// The options of the simulated cluster that an object's example assumes.
pub(crate) fn cluster(object: &str) -> Vec<&'static str> {
    match object {
        // Disks that hold nothing yet, and what runs before the first OSD does.
        "pve_ceph_osd" => {
            vec!["--cluster", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/found/every_object/disks.yaml")]
        }
        "pve_ceph_manager" | "pve_ceph_metadata_server" | "pve_ceph_monitor" => {
            vec!["--cluster", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/found/every_object/first_daemons.yaml")]
        }
        _ => vec!["--ceph", "ready", "--guest", "101"],
    }
}

/// Where the cluster may differ once everything is destroyed again, as a path in its state.
pub(crate) fn left_behind(resource: &str) -> &'static [&'static str] {
    match resource {
        // Ceph makes it as soon as there is an OSD. And what `wipe_if` has allowed to be erased is gone.
        "pve_ceph_osd" => &["/ceph/pools/.mgr", "/nodes/0/disks/2/partitions/4"],
        _ => &[],
    }
}
