variable "joes_password" {
  type      = string
  sensitive = true
  default   = "change-me-soon"
}

resource "pve_user" "joe" {
  userid           = "joe@pve"
  firstname        = "Joe"
  email            = "joe@example.com"
  password         = var.joes_password
  password_version = 1
}
