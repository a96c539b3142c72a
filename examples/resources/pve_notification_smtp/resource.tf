variable "smtp_password" {
  type      = string
  sensitive = true
  default   = "change-me-soon"
}

resource "pve_notification_smtp" "office" {
  name             = "office-mail"
  server           = "mail.example.com"
  mode             = "starttls"
  port             = 587
  username         = "pve"
  password         = var.smtp_password
  password_version = 1
  from_address     = "pve@example.com"
  mailto           = ["office@example.com"]
}
