data "pve_ceph_cluster" "this" {
  id = "ceph"
}

output "fsid" {
  value = data.pve_ceph_cluster.this.fsid
}
