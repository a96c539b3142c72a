data "pve_node_service" "rsync" {
  node = "pve1"
  unit = "rsync.service"
}

output "rsync_runs" {
  value = data.pve_node_service.rsync.running
}
