# Recovery goes a little faster on solid-state disks.
resource "pve_ceph_config" "backfills" {
  who    = "osd/class:ssd"
  option = "osd_max_backfills"
  value  = "2"
}
