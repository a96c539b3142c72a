# A file system needs one that is active and one that stands by.
resource "pve_ceph_metadata_server" "second" {
  node = "pve2"
}

resource "pve_ceph_metadata_server" "third" {
  node = "pve3"
}
