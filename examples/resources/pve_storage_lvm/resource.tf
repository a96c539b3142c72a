resource "pve_storage_lvm" "san" {
  storage    = "san-disks"
  vgname     = "pve"
  shared     = true
  saferemove = true
  content    = ["images"]
}
