data "pve_metric_server_graphite" "carbon" {
  id = "carbon"
}

output "graphite_server" {
  value = data.pve_metric_server_graphite.carbon.server
}
