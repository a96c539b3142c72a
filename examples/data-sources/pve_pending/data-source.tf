data "pve_pending" "web" {
  vmid = 101
}

output "waits_for_a_reboot" {
  value = data.pve_pending.web.changes[*].key
}
