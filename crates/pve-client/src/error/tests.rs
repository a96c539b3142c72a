//! The taxonomy against texts that PVE was recorded saying.

use std::collections::BTreeMap;

use super::*;
use crate::Request;

fn refused(status: u16, message: &str) -> Error {
    let request = Request::get("nodes/pve2/x").node("pve2");
    classify(Refused { status, message: message.to_owned(), fields: BTreeMap::new() }, &request)
}

/// The variant's name, the way the tables below write it.
fn kind(error: &Error) -> String {
    match error {
        Error::Locked { by: Some(by), .. } => format!("Locked by {by}"),
        Error::Other { definite: true, .. } => "Definite".to_owned(),
        Error::UnknownNode { node, .. } => format!("UnknownNode {node}"),
        other => {
            let debug = format!("{other:?}");
            debug.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default().to_owned()
        }
    }
}

#[test]
fn recorded_texts_of_status_500() {
    let table = [
        ("Configuration file 'nodes/pve1/qemu-server/999.conf' does not exist", "Absent"),
        ("no such resource 'vm:555'", "Absent"),
        ("no such ha rule 'nope'", "Absent"),
        ("no such user ('nobody@pve')", "Absent"),
        ("no such token 'nope' for user 'alice@pve'", "Absent"),
        ("no such OSD '99'", "Absent"),
        ("storage 'nope' does not exist", "Absent"),
        ("delete storage failed: storage 'nope' does not exist", "Absent"),
        ("update resources config failed: no such resource 'vm:555'", "Absent"),
        ("domain 'nope' does not exist", "Absent"),
        ("ACME plugin 'nope' not defined", "Absent"),
        ("mapping 'nope' not found", "Absent"),
        ("cannot lookup undefined type! at /usr/share/perl5/PVE/API2/Cluster/MetricServer.pm line 295.", "Absent"),
        ("cannot delete service 'vm:101', not HA managed!", "Absent"),
        ("resource 'vm:555' is not HA managed", "Absent"),
        ("error with 'osd pool get': mon_cmd failed - unrecognized pool 'nope'", "Absent"),
        ("error with 'osd metadata': mon_cmd failed - osd.99 does not exist", "Absent"),
        ("OSD '1' does not exists on host 'pve1'", "Absent"),
        (
            "OSD '0' not found in 'ceph-volume lvm list' on node 'pve1'.\nMaybe it was created before LVM became the default?",
            "Absent",
        ),
        ("volume type 'db' not found for OSD 0", "Absent"),
        ("disk 'scsi9' does not exist", "Absent"),
        ("create resource failed: resource ID 'vm:100' already defined", "Exists"),
        ("create storage failed: storage ID 'd1' already defined", "Exists"),
        ("create pool failed: pool 'p1' already exists", "Exists"),
        ("unable to create VM 200 - VM 200 already exists on node 'pve1'", "Exists"),
        ("unable to create VM 200: config file already exists", "Exists"),
        ("ceph pools 'cephfs_data' and/or 'cephfs_metadata' already exist", "Exists"),
        ("VM is locked (backup)", "Locked by backup"),
        ("can't lock file '/var/lock/qemu-server/lock-100.conf' - got timeout", "Locked"),
        ("create storage failed: cfs-lock 'file-storage_cfg' error: got lock request timeout", "Locked"),
        ("create storage failed: cfs-lock 'file-storage_cfg' error: no quorum!", "NoQuorum"),
        ("cluster not ready - no quorum?", "NoQuorum"),
        ("unable to open file '/etc/pve/nodes/N/qemu-server/100.conf.tmp.1' - Permission denied", "NoQuorum"),
        ("failed to remove config file: Permission denied", "NoQuorum"),
        ("checksum mismatch (file change by other user?)", "Modified"),
        ("update storage failed: detected modified configuration - file changed by other user? Try again.", "Modified"),
        ("only root can set 'args' config", "NeedsRootTicket"),
        ("Only root can pass arbitrary filesystem paths.", "NeedsRootTicket"),
        ("binary not installed: /usr/bin/ceph-mon", "NotInstalled"),
        (
            "pveceph configuration not initialized - missing '/etc/pve/ceph.conf', missing '/etc/pve/ceph'",
            "NotInitialised",
        ),
        ("rados_connect failed - Operation not supported", "CephUnreachable"),
        (
            "hostname lookup 'nosuch' failed - failed to get address info for: nosuch: Name or service not known",
            "UnknownNode nosuch",
        ),
        ("no such cluster node 'nosuch'", "UnknownNode nosuch"),
        ("VM 201 is running - destroy failed", "Definite"),
        ("can't remove VM 200 - protection mode enabled", "Definite"),
        ("unable to remove VM 110 - used in HA resources and purge parameter not set.", "Definite"),
        ("update resources config failed: no such option 'bogus'", "Definite"),
        (
            "create ha rule failed: 400 Rule 'r2' is invalid.\nresources: resource 'vm:100' is already used in another node affinity rule",
            "Definite",
        ),
        ("not a valid block device", "Definite"),
        ("monitor address '127.0.0.11' already in use", "Definite"),
        ("invalid VMID", "Definite"),
        ("resource 'ct:100' - guest with ID 100 is not a container", "Definite"),
        ("create storage failed: storage 'nfs1' is not online", "Definite"),
        ("create storage failed: '/srv/b1' is not a btrfs file system", "Definite"),
        ("create storage failed: mount error: Job failed. See \"journalctl -xe\" for details.", "Definite"),
        (
            "create storage failed: net-pbs: error fetching datastores - 500 Can't connect to 10.98.76.200:8007 (No route to host)",
            "Definite",
        ),
        (
            "create storage failed: unable to activate storage 'nomk' - directory '/stor/does-not-exist' does not exist or is unreachable",
            "Definite",
        ),
        ("device '/dev/sdb4' is already in use", "Definite"),
        (
            "OSD osd.3 does not belong to node pve1! at /usr/share/perl5/PVE/API2/Ceph/OSD.pm line 1008, <GEN8358> line 2.",
            "Definite",
        ),
        (
            "create storage failed: unable to open file '/run/systemd/system/mnt-pve-cfs1.mount.tmp.1' - No such file or directory",
            "Other",
        ),
        ("'file-storage_cfg'-locked command timed out - aborting", "Other"),
        ("got timeout", "Other"),
    ];
    for (text, expected) in table {
        let error = refused(500, &format!("{text}\n"));
        assert_eq!(kind(&error), expected, "{text}");
        assert_eq!(error.refused(), !["Other", "CephUnreachable"].contains(&expected), "{text}");
        assert!(error.to_string().contains(text), "the full text is told: {error}");
    }
}

#[test]
fn other_statuses() {
    assert_eq!(kind(&refused(501, "Method 'GET /x' not implemented")), "NotImplemented");
    assert_eq!(kind(&refused(404, "")), "Absent");
    assert_eq!(kind(&refused(424, "node is not in a cluster, no join info available!")), "Definite");
    assert_eq!(kind(&refused(401, "Authentication failed!")), "Unauthenticated");

    let offline = refused(595, "No route to host");
    assert!(matches!(&offline, Error::NodeUnreachable { node, sent: false, .. } if node == "pve2"));
    assert!(offline.refused() && !offline.answer_lost());
}

#[test]
fn a_proxy_timeout_loses_the_answer_of_a_write() {
    let text = || Refused { status: 596, message: "Connection timed out".into(), fields: BTreeMap::new() };
    let write = classify(text(), &Request::put("nodes/pve2/qemu/100/config").node("pve2"));
    assert!(matches!(write, Error::AnswerLost { .. }) && write.answer_lost() && !write.refused());
    let read = classify(text(), &Request::get("nodes/pve2/status").node("pve2"));
    assert!(matches!(read, Error::NodeUnreachable { sent: true, .. }));
}

#[test]
fn permissions_name_path_and_privileges() {
    let table = [
        ("Permission check failed (/vms/100, VM.Audit)", Some("/vms/100"), vec!["VM.Audit"]),
        ("Permission check failed (/, Sys.Audit|Datastore.Audit)", Some("/"), vec!["Sys.Audit", "Datastore.Audit"]),
        (
            "Permission check failed (/access/realm/pve, Realm.AllocateUser)",
            Some("/access/realm/pve"),
            vec!["Realm.AllocateUser"],
        ),
        ("Permission check failed", None, vec![]),
    ];
    for (text, path, privileges) in table {
        let Error::Permission(error) = refused(403, text) else { panic!("{text}") };
        assert_eq!(
            (error.path.as_deref(), error.privileges),
            (path, privileges.iter().map(|p| p.to_string()).collect())
        );
    }
    let tokens = "Permission check failed (URI '/access/password' not available with API token, need proper ticket.\n)";
    assert_eq!(kind(&refused(403, tokens)), "NeedsRootTicket");
    assert_eq!(kind(&refused(403, "Permission check failed (user != root@pam)")), "NeedsRootTicket");
}

#[test]
fn parameter_errors_keep_their_fields() {
    let fields = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
    let classify_fields = |pairs: &[(&str, &str)]| {
        let refused =
            Refused { status: 400, message: "Parameter verification failed.\n".into(), fields: fields(pairs) };
        classify(refused, &Request::post("x"))
    };
    let Error::Parameter(error) =
        classify_fields(&[("size", "value must have a minimum value of 1"), ("name", "bad\n")])
    else {
        panic!()
    };
    assert_eq!(error.fields["size"], "value must have a minimum value of 1");
    assert_eq!(
        error.to_string(),
        "Parameter verification failed. name: bad; size: value must have a minimum value of 1"
    );

    let modified = "detected modified configuration - file changed by other user? Try again.\n";
    assert_eq!(kind(&refused(400, modified)), "Modified");
    assert_eq!(kind(&refused(400, "Cannot create 'g1', an entity with the same name already exists\n")), "Exists");
    assert_eq!(kind(&refused(400, "cannot delete 'g1', referenced by: md\n")), "Parameter");
    let Error::Absent(absent) = classify_fields(&[("storage", "No such storage.\n")]) else { panic!() };
    assert_eq!(absent.message, "No such storage.", "the words about the object, not those about parameters");
    assert_eq!(kind(&classify_fields(&[("upid", "no such task")])), "Absent");
    assert_eq!(kind(&classify_fields(&[("tokenid", "Token already exists.")])), "Exists");
    assert_eq!(kind(&classify_fields(&[("skiplock", "Only root may use this option.")])), "NeedsRootTicket");
}

#[test]
fn only_a_lock_that_was_never_taken_is_contention() {
    assert!(lock_contention("can't lock file '/run/lock/pve-diskmanage.lck' - got timeout"));
    assert!(!lock_contention("VM quit/powerdown failed - got timeout"));
    assert!(!lock_contention("creating storage failed: cfs-lock 'file-storage_cfg' error: got lock request timeout"));
}

#[test]
fn errors_speak_plainly() {
    let upid: Upid = "UPID:pve1:1:1:1:qmmove:100:root@pam:".parse().unwrap();
    let stalled = Error::Stalled { upid: upid.clone(), after: Duration::from_secs(900) };
    assert_eq!(stalled.to_string(), format!("task {upid} has made no progress for 15 min"));
    let connect = Error::Connect {
        tried: vec![("https://a:8006".into(), "refused".into()), ("https://b:8006".into(), "timed out".into())],
    };
    assert_eq!(connect.to_string(), "no endpoint answers: https://a:8006 (refused), https://b:8006 (timed out)");
    let tls = Error::Tls { endpoint: "https://a:8006".into(), seen: Some("AA:BB".into()), message: "wrong".into() };
    assert_eq!(tls.to_string(), "TLS with https://a:8006: wrong; its certificate's SHA-256 fingerprint is AA:BB");
    assert!(!stalled.refused() && connect.refused() && tls.refused());
}
