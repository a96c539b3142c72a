# A whole disk, named by its serial number (see the data source pve_node_disks).
resource "pve_ceph_osd" "one" {
  node = "pve1"
  device = {
    serial = "S4EVK1"
  }
  allow_destroy = true
}

# A partition of the system disk. An ext4 file system left over on it may be erased; anything else stops the apply.
resource "pve_ceph_osd" "two" {
  node = "pve1"
  device = {
    serial    = "S5GX09"
    partition = 4
  }
  wipe_if            = ["ext4"]
  crush_device_class = "ssd"
  allow_destroy      = true
}
