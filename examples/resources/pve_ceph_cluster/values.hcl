# Ceph's packages are there, and nothing else of it.
cluster = { ceph = { stage = "installed" } }

values {
  node = ["pve2", "pve9"]
  # Its monitor has an address in the first.
  network         = ["10.0.0.0/24", "10.1.0.0/24"]
  cluster_network = ["10.2.0.0/24", "10.3.0.0/24"]
}
