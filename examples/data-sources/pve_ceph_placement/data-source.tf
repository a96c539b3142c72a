# Five copies over the OSDs that exist, several perhaps on one host.
data "pve_ceph_placement" "five" {
  rule     = { failure_domain = "osd" }
  size     = 5
  min_size = 3
}

output "five_copies" {
  value = {
    placeable      = data.pve_ceph_placement.five.placeable
    hosts_may_fail = data.pve_ceph_placement.five.hosts_may_fail_with_io
    usable_bytes   = data.pve_ceph_placement.five.usable_bytes
  }
}

# What three copies on three more nodes would hold.
data "pve_ceph_placement" "larger" {
  crush_rule = "replicated_rule"
  size       = 3
  min_size   = 2
  osds       = [for node in ["pve4", "pve5", "pve6"] : { host = node, size = "4T", device_class = "ssd" }]
}

output "larger_usable_bytes" {
  value = data.pve_ceph_placement.larger.usable_bytes
}
