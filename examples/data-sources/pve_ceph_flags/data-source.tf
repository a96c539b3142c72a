data "pve_ceph_flags" "now" {
  id = "ceph"
}

output "noout" {
  value = data.pve_ceph_flags.now.noout
}
