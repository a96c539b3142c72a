data "pve_ha_groups" "all" {}

output "groups" {
  value = keys(data.pve_ha_groups.all.ha_groups)
}
