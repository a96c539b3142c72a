data "pve_snapshot" "before_upgrade" {
  vmid = 141
  name = "before-upgrade"
}

output "made_at" {
  value = data.pve_snapshot.before_upgrade.created
}
