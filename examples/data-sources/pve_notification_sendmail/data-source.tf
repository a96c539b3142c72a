data "pve_notification_sendmail" "admins" {
  name = "mail-to-admins"
}

output "mail_author" {
  value = data.pve_notification_sendmail.admins.author
}
