# terraform apply -invoke=action.pve_guest_migrate.away
action "pve_guest_migrate" "away" {
  config {
    vmid = 101
    node = "pve2"
  }
}
