resource "pve_metric_server_opentelemetry" "collector" {
  id     = "collector"
  server = "otel.example.com"
  port   = 4318
  otel_resource_attributes = {
    "deployment.environment" = "lab"
  }
}
