output "storages" {
  description = "Pool => storage, once it can be used."
  value       = { for pool, storage in pve_storage_rbd.this : pool => storage.storage }
}

output "osds" {
  description = "Disk => number of its OSD."
  value       = { for disk, osd in pve_ceph_osd.this : disk => osd.osd_id }
}

output "crush_rule" {
  description = "The rule that places the copies, for pools of your own."
  value       = pve_ceph_crush_rule.this.name
}
