data "pve_ceph_filesystems" "all" {}

output "ceph_filesystems" {
  value = keys(data.pve_ceph_filesystems.all.ceph_filesystems)
}
