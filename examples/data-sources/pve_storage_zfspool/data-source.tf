data "pve_storage_zfspool" "tank" {
  storage = "zfs-data"
}

output "storage_zfspool_mountpoint" {
  value = data.pve_storage_zfspool.tank.mountpoint
}
