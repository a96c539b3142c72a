# A part of the node's system disk, behind what PVE's installer has made there.
resource "pve_disk_partition" "osd" {
  node  = "pve1"
  disk  = "S5GX09"
  label = "osd-system"
  size  = "200G"
}

# A disk that holds nothing yet gets its table with the first partition.
resource "pve_disk_partition" "fast" {
  node         = "pve1"
  disk         = "S4EVK1"
  label        = "osd-fast"
  size         = "100G"
  create_table = true
}
