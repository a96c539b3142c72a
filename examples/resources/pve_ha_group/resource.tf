# PVE 8: on pve1 as long as that is up, else on pve2, and nowhere else.
resource "pve_ha_group" "web" {
  group      = "prefer-pve1"
  nodes      = { pve1 = 2, pve2 = 1 }
  restricted = true
}
