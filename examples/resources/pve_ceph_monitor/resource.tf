# Three survive the death of one. They are made one after the other, each as soon as the one before has joined the quorum.
resource "pve_ceph_monitor" "second" {
  node = "pve2"
}

resource "pve_ceph_monitor" "third" {
  node = "pve3"
}
