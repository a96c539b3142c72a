resource "pve_group" "auditors" {
  groupid = "auditors"
}

resource "pve_acl" "auditors" {
  path   = "/vms"
  roleid = "PVEAuditor"
  who    = "@${pve_group.auditors.groupid}"
}
