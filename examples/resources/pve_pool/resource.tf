resource "pve_pool" "team" {
  poolid  = "team"
  comment = "Machines of the team"
}
