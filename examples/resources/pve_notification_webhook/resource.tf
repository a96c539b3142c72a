variable "chat_key" {
  type      = string
  sensitive = true
  default   = "change-me-soon"
}

resource "pve_notification_webhook" "chat" {
  name   = "chat"
  url    = "https://chat.example.com/hooks/{{ secrets.key }}"
  method = "post"
  header = {
    Content-Type = "application/json"
  }
  body           = "{\"text\": \"{{ escape title }}\"}"
  secret         = { key = var.chat_key }
  secret_version = 1
}
