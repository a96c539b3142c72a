resource "pve_metric_server_graphite" "carbon" {
  id     = "carbon"
  server = "graphite.example.com"
  port   = 2003
  path   = "lab.pve"
}
