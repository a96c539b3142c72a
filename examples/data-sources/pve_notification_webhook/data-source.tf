data "pve_notification_webhook" "chat" {
  name = "chat"
}

output "webhook_method" {
  value = data.pve_notification_webhook.chat.method
}
