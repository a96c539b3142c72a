data "pve_ha_rule_node_affinity" "web" {
  rule = "web-on"
}

output "guests" {
  value = data.pve_ha_rule_node_affinity.web.resources
}
