# Of another cluster; without `monhost` and `keyring` it is this one's.
resource "pve_storage_cephfs" "files" {
  storage         = "ceph-files"
  fs_name         = "files"
  monhost         = "mon1.example.com mon2.example.com"
  username        = "pve"
  keyring         = "AQDexampleexampleexampleexampleexampleexa=="
  keyring_version = 1
  content         = ["iso", "backup"]
}
