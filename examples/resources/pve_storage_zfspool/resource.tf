resource "pve_storage_zfspool" "tank" {
  storage = "zfs-data"
  pool    = "rpool/data"
  sparse  = true
}
