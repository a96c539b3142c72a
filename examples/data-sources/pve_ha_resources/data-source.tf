data "pve_ha_resources" "all" {}

output "under_ha" {
  value = keys(data.pve_ha_resources.all.ha_resources)
}
