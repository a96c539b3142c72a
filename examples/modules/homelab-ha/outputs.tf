output "volumes" {
  description = "Guest and disk => the volume on the shared storage."
  value       = { for name, move in pve_vm_disk_move.this : name => move.volume }
}

output "guests" {
  description = "Guest => its id in HA."
  value       = { for name, guest in pve_ha_resource.this : name => guest.sid }
}
