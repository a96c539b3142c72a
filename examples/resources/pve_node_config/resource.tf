resource "pve_node_config" "pve1" {
  node                  = "pve1"
  description           = "In the cellar, next to the door."
  startall_onboot_delay = 30
  wakeonlan = {
    mac = "BC:24:11:00:00:01"
  }
}
