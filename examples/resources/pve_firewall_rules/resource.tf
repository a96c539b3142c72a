resource "pve_firewall_rules" "pve1" {
  place = "node/pve1"
  rules = [
    { type = "in", action = "ACCEPT", macro = "SSH", source = "192.0.2.0/24", comment = "from the office" },
    { type = "in", action = "ACCEPT", proto = "tcp", dport = "8006" },
    { type = "in", action = "DROP", log = "info" },
  ]
}
