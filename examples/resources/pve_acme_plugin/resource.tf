variable "cloudflare_token" {
  type      = string
  sensitive = true
  default   = "change-me"
}

resource "pve_acme_plugin" "cloudflare" {
  plugin       = "cloudflare"
  type         = "dns"
  api          = "cf"
  data         = { CF_Token = var.cloudflare_token }
  data_version = 1
}
