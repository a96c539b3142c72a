# Two chunks of data and one of parity, each on a host of its own: half as much again as what is stored.
resource "pve_ceph_erasure_pool" "cold" {
  name          = "cold"
  k             = 2
  m             = 1
  data_pg_num   = 16
  allow_destroy = true

  lifecycle {
    # Whatever depends on the pool waits until it is complete.
    postcondition {
      condition     = self.ready
      error_message = "The pool is not complete yet; apply again to carry on."
    }
  }
}

resource "pve_storage_rbd" "cold" {
  storage   = "ceph-cold"
  pool      = pve_ceph_erasure_pool.cold.metadata_pool
  data_pool = pve_ceph_erasure_pool.cold.data_pool
  content   = ["images"]
}
