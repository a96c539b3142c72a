data "pve_metric_servers_graphite" "all" {}

output "graphite_server_ids" {
  value = keys(data.pve_metric_servers_graphite.all.metric_servers_graphite)
}
