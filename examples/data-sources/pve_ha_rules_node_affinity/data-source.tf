data "pve_ha_rules_node_affinity" "all" {}

output "rules_by_node" {
  value = keys(data.pve_ha_rules_node_affinity.all.ha_rules_node_affinity)
}
