data "pve_metric_server_opentelemetry" "collector" {
  id = "collector"
}

output "collector_path" {
  value = data.pve_metric_server_opentelemetry.collector.otel_path
}
