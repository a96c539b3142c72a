resource "pve_storage_btrfs" "data" {
  storage = "btrfs-data"
  path    = "/mnt/btrfs"
  content = ["images", "rootdir"]
}
