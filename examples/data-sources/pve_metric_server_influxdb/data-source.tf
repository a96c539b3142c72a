data "pve_metric_server_influxdb" "influx" {
  id = "influx"
}

output "influxdb_bucket" {
  value = data.pve_metric_server_influxdb.influx.bucket
}
