data "pve_metric_servers_opentelemetry" "all" {}

output "opentelemetry_server_ids" {
  value = keys(data.pve_metric_servers_opentelemetry.all.metric_servers_opentelemetry)
}
