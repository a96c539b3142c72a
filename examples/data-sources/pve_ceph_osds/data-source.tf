data "pve_ceph_osds" "all" {}

output "osds_by_node" {
  value = { for id, osd in data.pve_ceph_osds.all.ceph_osds : osd.node => id... }
}
