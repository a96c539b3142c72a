data "pve_ha_rules_resource_affinity" "all" {}

output "rules_by_resource" {
  value = keys(data.pve_ha_rules_resource_affinity.all.ha_rules_resource_affinity)
}
