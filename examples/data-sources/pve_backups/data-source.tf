data "pve_backups" "shop" {
  vmid = 141
}

# The newest first.
output "volids" {
  value = [for backup in data.pve_backups.shop.backups : backup.volid]
}
