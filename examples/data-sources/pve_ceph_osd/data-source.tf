data "pve_ceph_osd" "first" {
  osd_id = 0
}

output "osd_node" {
  value = data.pve_ceph_osd.first.node
}
