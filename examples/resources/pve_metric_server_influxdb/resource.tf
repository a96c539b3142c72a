variable "influxdb_token" {
  type      = string
  sensitive = true
  default   = "change-me"
}

resource "pve_metric_server_influxdb" "influx" {
  id            = "influx"
  server        = "influx.example.com"
  port          = 8086
  influxdbproto = "https"
  organization  = "lab"
  bucket        = "pve"
  token         = var.influxdb_token
  token_version = 1
}
