# terraform apply -invoke=action.pve_backup_now.shop
action "pve_backup_now" "shop" {
  config {
    vmid           = [141]
    storage        = "local"
    notes_template = "{{guestname}} before the upgrade"
    protected      = true
  }
}
