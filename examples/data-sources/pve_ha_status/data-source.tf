data "pve_ha_status" "now" {}

output "where" {
  description = "Which node each guest under HA runs on."
  value       = { for sid, service in data.pve_ha_status.now.services : sid => service.node }
}
