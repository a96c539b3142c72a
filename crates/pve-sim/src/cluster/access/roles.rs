//! Privileges and the roles that PVE 9 comes with.

use std::collections::BTreeSet;

/// Every privilege, sorted.
pub const PRIVILEGES: &[&str] = &[
    "Datastore.Allocate",
    "Datastore.AllocateSpace",
    "Datastore.AllocateTemplate",
    "Datastore.Audit",
    "Group.Allocate",
    "Mapping.Audit",
    "Mapping.Modify",
    "Mapping.Use",
    "Permissions.Modify",
    "Pool.Allocate",
    "Pool.Audit",
    "Realm.Allocate",
    "Realm.AllocateUser",
    "SDN.Allocate",
    "SDN.Audit",
    "SDN.Use",
    "Sys.AccessNetwork",
    "Sys.Audit",
    "Sys.Console",
    "Sys.Incoming",
    "Sys.Modify",
    "Sys.PowerMgmt",
    "Sys.Syslog",
    "User.Modify",
    "VM.Allocate",
    "VM.Audit",
    "VM.Backup",
    "VM.Clone",
    "VM.Config.CDROM",
    "VM.Config.CPU",
    "VM.Config.Cloudinit",
    "VM.Config.Disk",
    "VM.Config.HWType",
    "VM.Config.Memory",
    "VM.Config.Network",
    "VM.Config.Options",
    "VM.Console",
    "VM.GuestAgent.Audit",
    "VM.GuestAgent.FileRead",
    "VM.GuestAgent.FileSystemMgmt",
    "VM.GuestAgent.FileWrite",
    "VM.GuestAgent.Unrestricted",
    "VM.Migrate",
    "VM.PowerMgmt",
    "VM.Replicate",
    "VM.Snapshot",
    "VM.Snapshot.Rollback",
];

/// What only `Administrator` has.
const ADMINISTRATOR_ONLY: &[&str] = &[
    "Mapping.Modify",
    "Permissions.Modify",
    "Realm.Allocate",
    "Sys.AccessNetwork",
    "Sys.Incoming",
    "Sys.Modify",
    "Sys.PowerMgmt",
];

/// The built-in roles, sorted by name.
pub const BUILTIN: &[&str] = &[
    "Administrator",
    "NoAccess",
    "PVEAdmin",
    "PVEAuditor",
    "PVEDatastoreAdmin",
    "PVEDatastoreUser",
    "PVEMappingAdmin",
    "PVEMappingUser",
    "PVEPoolAdmin",
    "PVEPoolUser",
    "PVESDNAdmin",
    "PVESDNUser",
    "PVESysAdmin",
    "PVETemplateUser",
    "PVEUserAdmin",
    "PVEVMAdmin",
    "PVEVMUser",
];

/// The privileges of a built-in role.
pub fn builtin(role: &str) -> Option<BTreeSet<String>> {
    let under = |prefix: &str| PRIVILEGES.iter().copied().filter(|p| p.starts_with(prefix)).collect::<Vec<_>>();
    let privileges: Vec<&str> = match role {
        "Administrator" => PRIVILEGES.to_vec(),
        "NoAccess" => vec![],
        "PVEAdmin" => PRIVILEGES.iter().copied().filter(|p| !ADMINISTRATOR_ONLY.contains(p)).collect(),
        "PVEAuditor" => PRIVILEGES.iter().copied().filter(|p| p.ends_with(".Audit")).collect(),
        "PVEDatastoreAdmin" => under("Datastore."),
        "PVEDatastoreUser" => vec!["Datastore.AllocateSpace", "Datastore.Audit"],
        "PVEMappingAdmin" => under("Mapping."),
        "PVEMappingUser" => vec!["Mapping.Audit", "Mapping.Use"],
        "PVEPoolAdmin" => under("Pool."),
        "PVEPoolUser" => vec!["Pool.Audit"],
        "PVESDNAdmin" => under("SDN."),
        "PVESDNUser" => vec!["SDN.Audit", "SDN.Use"],
        "PVESysAdmin" => vec!["Sys.Audit", "Sys.Console", "Sys.Syslog"],
        "PVETemplateUser" => vec!["VM.Audit", "VM.Clone"],
        "PVEUserAdmin" => vec!["Group.Allocate", "Realm.AllocateUser", "User.Modify"],
        "PVEVMAdmin" => under("VM."),
        "PVEVMUser" => vec![
            "VM.Audit",
            "VM.Backup",
            "VM.Config.CDROM",
            "VM.Config.Cloudinit",
            "VM.Console",
            "VM.GuestAgent.Audit",
            "VM.GuestAgent.FileRead",
            "VM.GuestAgent.FileSystemMgmt",
            "VM.GuestAgent.FileWrite",
            "VM.PowerMgmt",
        ],
        _ => return None,
    };
    Some(privileges.into_iter().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_roles_are_those_recorded() {
        let recorded: serde_json::Value = serde_json::from_str(crate::truth::PVE_ACCESS).unwrap();
        let roles = recorded.as_array().unwrap().iter().find(|exchange| exchange["request"]["path"] == "/access/roles");
        let mut seen = 0;
        for role in roles.unwrap()["response"]["data"].as_array().unwrap() {
            let name = role["roleid"].as_str().unwrap();
            let ours = builtin(name).unwrap().into_iter().collect::<Vec<_>>().join(",");
            assert_eq!(ours, role["privs"].as_str().unwrap(), "{name}");
            seen += 1;
        }
        assert_eq!(seen, BUILTIN.len());
    }
}
