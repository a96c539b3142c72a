data "pve_ha_status" "now" {
  depends_on = [pve_ha_resource.existing, pve_ha_resource.fresh]
}

output "where_they_run" {
  description = "Which node each virtual machine under HA runs on at the moment."
  value       = { for sid, service in data.pve_ha_status.now.services : sid => service.node }
}
