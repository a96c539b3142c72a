resource "pve_ceph_cluster" "this" {
  network = "10.0.0.0/24"
}

# It is there as soon as a monitor is. They say what they depend on, so that all of it comes apart in the right order, too.
resource "pve_ceph_monitor" "all" {
  for_each   = toset(["pve1"])
  node       = each.key
  depends_on = [pve_ceph_cluster.this]
}
