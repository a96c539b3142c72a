resource "pve_backup_job" "nightly" {
  id       = "nightly"
  schedule = "mon..fri 02:30"
  all      = true
  storage  = "local"
  mode     = "snapshot"
  compress = "zstd"

  prune_backups = {
    keep_daily  = 7
    keep_weekly = 4
  }

  notes_template    = "{{guestname}} on {{node}}"
  notification_mode = "notification-system"
}
