data "pve_ha_status" "now" {
  depends_on = [pve_ha_resource.existing, pve_ha_resource.fresh]
}

output "where_they_run" {
  description = "Which node each virtual machine under HA runs on at the moment."
  value       = { for sid, service in data.pve_ha_status.now.services : sid => service.node }
}

data "pve_ceph_status" "now" {
  depends_on = [pve_ceph_pool.vm]
}

output "ceph" {
  description = "How Ceph is at the moment."
  value       = { health = data.pve_ceph_status.now.health, pgs = data.pve_ceph_status.now.pgs_by_state }
}
