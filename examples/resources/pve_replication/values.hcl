# A guest whose disk lies on ZFS.
cluster = {
  storages = [{ storage = "tank", type = "zfspool", pool = "tank", content = ["images"] }]
  guests   = [{ vmid = 101, node = "pve1", config = { scsi0 = "tank:8" } }]
}

values {
  target   = ["pve3"]
  schedule = ["*/20", "hourly"]
  rate     = [10, 2.5]
}
