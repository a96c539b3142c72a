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

# A hard disk, with its database on a part of an SSD. Other OSDs of the node may name the same one.
resource "pve_ceph_osd" "three" {
  node          = "pve1"
  device        = { serial = "ZR50A1" }
  db_device     = { serial = "S6BNP1" }
  db_size       = "40G"
  allow_destroy = true
}
