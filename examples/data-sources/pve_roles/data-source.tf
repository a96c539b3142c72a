data "pve_roles" "all" {}

output "roles_that_may_migrate" {
  value = [for id, role in data.pve_roles.all.roles : id if contains(role.privs == null ? [] : role.privs, "VM.Migrate")]
}
