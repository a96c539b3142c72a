resource "pve_storage_cifs" "backup" {
  storage          = "share-backup"
  server           = "files.example.com"
  share            = "pve"
  username         = "pve"
  password         = "change-me"
  password_version = 1
  content          = ["backup"]

  prune_backups = {
    keep_last = 3
  }
}
