# One serves the file system, the other stands by.
resource "pve_ceph_metadata_server" "serving" {
  node = "pve2"
}

resource "pve_ceph_metadata_server" "standby" {
  node = "pve3"
}

resource "pve_ceph_filesystem" "files" {
  name              = "files"
  data_size         = 3
  data_min_size     = 2
  metadata_size     = 3
  metadata_min_size = 2
  allow_destroy     = true

  depends_on = [pve_ceph_metadata_server.serving, pve_ceph_metadata_server.standby]

  lifecycle {
    # Whatever depends on the file system waits until it is served.
    postcondition {
      condition     = self.ready
      error_message = "The file system is not served yet; apply again to carry on."
    }
  }
}
