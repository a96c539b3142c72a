# Refused while Ceph cannot do without it.
action "pve_ceph_service" "restart" {
  config {
    service   = "mon.pve2"
    operation = "restart"
  }
}
