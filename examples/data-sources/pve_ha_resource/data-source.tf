data "pve_ha_resource" "web" {
  sid = "vm:120"
}

output "ha_state" {
  value = data.pve_ha_resource.web.state
}
