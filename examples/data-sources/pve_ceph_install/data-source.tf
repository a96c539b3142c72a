data "pve_ceph_install" "first" {
  node = "pve1"
}

output "release" {
  value = data.pve_ceph_install.first.release
}
