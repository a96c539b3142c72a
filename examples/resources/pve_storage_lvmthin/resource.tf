resource "pve_storage_lvmthin" "fast" {
  storage  = "thin-fast"
  vgname   = "pve"
  thinpool = "data"
  nodes    = ["pve1"]
}
