variable "gotify_token" {
  type      = string
  sensitive = true
  default   = "change-me-soon"
}

resource "pve_notification_gotify" "phone" {
  name          = "phone"
  server        = "https://gotify.example.com"
  token         = var.gotify_token
  token_version = 1
}
