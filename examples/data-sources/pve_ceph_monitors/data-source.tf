data "pve_ceph_monitors" "all" {}

output "monitors" {
  value = { for name, monitor in data.pve_ceph_monitors.all.ceph_monitors : name => monitor.node }
}
