# Three copies, each on a host of its own: what PVE makes when nothing else is said.
resource "pve_ceph_pool" "vm" {
  name          = "vm"
  size          = 3
  min_size      = 2
  allow_destroy = true

  lifecycle {
    # Whatever depends on the pool waits until it is complete.
    postcondition {
      condition     = self.ready
      error_message = "The pool is not complete yet; apply again to carry on."
    }
  }
}

# Ceph's own pool, taken over: its copies need no host each.
resource "pve_ceph_crush_rule" "any" {
  name           = "any"
  failure_domain = "osd"
}

resource "pve_ceph_pool" "mgr" {
  name       = ".mgr"
  crush_rule = pve_ceph_crush_rule.any.name
}
