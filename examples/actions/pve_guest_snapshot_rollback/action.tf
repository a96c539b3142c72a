# terraform apply -invoke=action.pve_guest_snapshot_rollback.shop
action "pve_guest_snapshot_rollback" "shop" {
  config {
    vmid  = 141
    name  = "before-upgrade"
    start = true
  }
}
