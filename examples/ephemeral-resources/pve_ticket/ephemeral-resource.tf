variable "pve_password" {
  type      = string
  ephemeral = true
}

ephemeral "pve_ticket" "this" {
  username = "root@pam"
  password = var.pve_password
}

# For another provider that speaks HTTP: in every request, and the token in those that write.
locals {
  pve_headers = {
    Cookie              = "PVEAuthCookie=${urlencode(ephemeral.pve_ticket.this.ticket)}"
    CSRFPreventionToken = ephemeral.pve_ticket.this.csrf_token
  }
}
