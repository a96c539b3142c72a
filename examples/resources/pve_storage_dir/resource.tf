resource "pve_storage_dir" "backup" {
  storage = "backup"
  path    = "/mnt/backup"
  content = ["backup", "iso"]
  nodes   = ["pve1", "pve2"]

  prune_backups = {
    keep_daily  = 7
    keep_weekly = 4
  }
}
