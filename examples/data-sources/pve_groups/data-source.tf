data "pve_groups" "all" {}

output "group_names" {
  value = keys(data.pve_groups.all.groups)
}
