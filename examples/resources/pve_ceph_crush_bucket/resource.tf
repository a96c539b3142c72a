# Two sites, and a rule that keeps copies apart by them.
resource "pve_ceph_crush_bucket" "vienna" {
  name  = "vienna"
  type  = "datacenter"
  hosts = ["pve1"]
}

resource "pve_ceph_crush_bucket" "tokyo" {
  name  = "tokyo"
  type  = "datacenter"
  hosts = ["pve2"]
}

resource "pve_ceph_crush_rule" "sites" {
  name           = "sites"
  failure_domain = "datacenter"

  depends_on = [pve_ceph_crush_bucket.vienna, pve_ceph_crush_bucket.tokyo]
}
