# Files are handed out by rsync from now on, and after each start of the node.
resource "pve_node_service" "rsync" {
  node    = "pve1"
  unit    = "rsync.service"
  enabled = true
  running = true
}
