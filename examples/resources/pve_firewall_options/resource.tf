resource "pve_firewall_options" "cluster" {
  place         = "cluster"
  policy_in     = "DROP"
  policy_out    = "ACCEPT"
  log_ratelimit = { enable = true, rate = "5/second", burst = 10 }
}
