data "pve_notification_gotify" "phone" {
  name = "phone"
}

output "gotify_server" {
  value = data.pve_notification_gotify.phone.server
}
