data "pve_acme_plugin" "cloudflare" {
  plugin = "cloudflare"
}

output "dns_api" {
  value = data.pve_acme_plugin.cloudflare.api
}
