values {
  # The only bucket that rules can begin at in a new cluster.
  root = ["default", "no_such_root"]
  # All disks there are SSDs.
  device_class = ["ssd", "no_such_class"]
}
