values {
  storage         = ["local-lvm"]
  bandwidth_limit = ["10MiB/s", "20MiB/s", "fast"]
}
