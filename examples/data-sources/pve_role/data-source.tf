data "pve_role" "backup" {
  roleid = "Backup"
}

output "role_privs" {
  value = data.pve_role.backup.privs
}
