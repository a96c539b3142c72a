data "pve_firewall_rules" "pve1" {
  place = "node/pve1"
}

output "firewall_rules_of_pve1" {
  value = length(data.pve_firewall_rules.pve1.rules)
}
