# One after the other, each when the one before is back and Ceph has all its copies:
# terraform apply -invoke=action.pve_node_power.reboot
action "pve_node_power" "reboot" {
  config {
    nodes     = ["pve1", "pve2", "pve3"]
    operation = "reboot"
  }
}
