data "pve_notification_matcher" "failed_backups" {
  name = "failed-backups"
}

output "backup_targets" {
  value = data.pve_notification_matcher.failed_backups.target
}
