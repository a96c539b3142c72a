# Snippets are written by SSH.
cluster = {
  ssh = true
  storages = [
    { storage = "local", type = "dir", path = "/var/lib/vz", content = ["iso", "vztmpl", "import", "snippets"] },
    { storage = "local-lvm", type = "lvmthin", vgname = "pve", thinpool = "data", content = ["images", "rootdir"] },
  ]
}

values {
  node      = ["pve2"]
  storage   = []
  content   = []
  # In place of the text.
  path      = []
  data      = ["a: 1\n", ""]
  file_name = ["a.yaml", "b.yaml"]
}
