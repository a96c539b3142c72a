# One is active, the others stand by.
resource "pve_ceph_manager" "second" {
  node = "pve2"
}
