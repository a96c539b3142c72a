data "pve_ceph_status" "now" {}

output "health" {
  value = data.pve_ceph_status.now.health
}
