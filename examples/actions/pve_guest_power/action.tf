# terraform apply -invoke=action.pve_guest_power.reboot
action "pve_guest_power" "reboot" {
  config {
    vmid      = 101
    operation = "reboot"
    timeout   = "2m"
  }
}
