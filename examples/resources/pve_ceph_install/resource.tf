resource "pve_ceph_install" "first" {
  node       = "pve1"
  release    = "tentacle"
  repository = "no-subscription"
}
