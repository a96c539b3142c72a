resource "pve_notification_sendmail" "backups" {
  name   = "mail-backups"
  mailto = ["backups@example.com"]
}

resource "pve_notification_matcher" "failed_backups" {
  name           = "failed-backups"
  target         = [pve_notification_sendmail.backups.name]
  match_field    = ["exact:type=vzdump"]
  match_severity = ["warning,error"]
}
