# Ceph runs, with a daemon of each kind on the first node alone.
cluster = { ceph = { stage = "ready", mons = ["pve1"], mgrs = ["pve1"], mdss = ["pve1"] } }

values {
  # On each of the others of three nodes there is one already.
  node = ["pve1", "pve9"]
  name = ["other", "no good"]
}
