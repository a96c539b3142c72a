# What an earlier owner left goes; what is in use is refused.
action "pve_disk_wipe" "old" {
  config {
    node   = "pve1"
    serial = "S4EVNX0N912345"
  }
}
