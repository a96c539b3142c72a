data "pve_acme_plugins" "all" {}

output "acme_plugin_ids" {
  value = keys(data.pve_acme_plugins.all.acme_plugins)
}
