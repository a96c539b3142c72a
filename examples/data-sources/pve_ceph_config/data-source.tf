data "pve_ceph_config" "backfills" {
  who    = "osd/class:ssd"
  option = "osd_max_backfills"
}

output "backfills" {
  value = data.pve_ceph_config.backfills.value
}
