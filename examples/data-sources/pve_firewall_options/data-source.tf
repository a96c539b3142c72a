data "pve_firewall_options" "cluster" {
  place = "cluster"
}

output "policy_in" {
  value = data.pve_firewall_options.cluster.policy_in
}
