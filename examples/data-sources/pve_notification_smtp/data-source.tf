data "pve_notification_smtp" "office" {
  name = "office-mail"
}

output "smtp_server" {
  value = data.pve_notification_smtp.office.server
}
