data "pve_acl" "auditors" {
  path   = "/vms"
  roleid = "PVEAuditor"
  who    = "@auditors"
}

output "acl_propagate" {
  value = data.pve_acl.auditors.propagate
}
