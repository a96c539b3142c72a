data "pve_backups" "shop" {
  vmid = 141
}

output "newest" {
  value = one(slice(data.pve_backups.shop.backups[*].volid, 0, min(1, length(data.pve_backups.shop.backups))))
}
