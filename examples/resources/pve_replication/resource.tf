resource "pve_replication" "web" {
  id       = "101-0"
  target   = "pve2"
  schedule = "*/30"
  rate     = 50
}
