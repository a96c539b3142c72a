# Copies on distinct OSDs, several of them on one host if there are fewer hosts than copies.
resource "pve_ceph_crush_rule" "osd" {
  name           = "osd"
  failure_domain = "osd"
}

# One copy a host, on SSDs only.
resource "pve_ceph_crush_rule" "fast" {
  name           = "fast"
  failure_domain = "host"
  device_class   = "ssd"

  # OSDs of that class must exist before the rule.
  # depends_on = [pve_ceph_osd.all]
}
