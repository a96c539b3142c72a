data "pve_ha_rule_resource_affinity" "web" {
  rule = "web-apart"
}

output "guests" {
  value = data.pve_ha_rule_resource_affinity.web.resources
}
