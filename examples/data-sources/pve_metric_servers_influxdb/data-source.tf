data "pve_metric_servers_influxdb" "all" {}

output "influxdb_server_ids" {
  value = keys(data.pve_metric_servers_influxdb.all.metric_servers_influxdb)
}
