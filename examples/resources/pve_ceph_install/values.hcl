# Nothing of Ceph is there.
cluster = { ceph = { stage = "none" } }

# Packages stay, and where they came from.
left_behind = ["/ceph/installed", "/nodes/0/apt/0/1", "/nodes/0/apt/0/3/0"]

values {
  # A change of it would be an upgrade.
  release = []
}
