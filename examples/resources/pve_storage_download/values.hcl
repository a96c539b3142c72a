# One storage of each node's own, and one that all share.
cluster = {
  storages = [
    { storage = "local", type = "dir", path = "/var/lib/vz", content = ["iso", "vztmpl", "import", "snippets"] },
    { storage = "local-lvm", type = "lvmthin", vgname = "pve", thinpool = "data", content = ["images", "rootdir"] },
    { storage = "nas", type = "nfs", server = "10.0.0.9", export = "/vm", content = ["iso", "vztmpl", "import"] },
  ]
}

values {
  # What lies on the shared one belongs to no node.
  node      = ["pve2"]
  storage   = []
  # Each kind has endings of its own.
  content   = []
  # Another one is another file.
  url       = []
  file_name = ["a.qcow2", "b.raw"]
  # Of what the server has.
  checksum           = []
  checksum_algorithm = []
  compression        = []
}
