# Nothing is moved while a node is down for a while.
resource "pve_ceph_flags" "maintenance" {
  noout       = true
  norebalance = true
}
