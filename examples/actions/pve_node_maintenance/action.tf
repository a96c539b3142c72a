# terraform apply -invoke=action.pve_node_maintenance.begin
action "pve_node_maintenance" "begin" {
  config {
    node      = "pve1"
    operation = "begin"
  }
}

# terraform apply -invoke=action.pve_node_maintenance.end
action "pve_node_maintenance" "end" {
  config {
    node      = "pve1"
    operation = "end"
  }
}
