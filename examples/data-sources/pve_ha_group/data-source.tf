data "pve_ha_group" "web" {
  group = "prefer-pve1"
}

output "nodes" {
  value = keys(data.pve_ha_group.web.nodes)
}
