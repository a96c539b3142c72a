resource "pve_notification_sendmail" "admins" {
  name        = "mail-to-admins"
  mailto      = ["admins@example.com"]
  mailto_user = ["root@pam"]
  author      = "The cluster"
}
