values {
  # PVE 9 has none.
  group      = []
  candidates = [["pve1", "pve2", "pve3"], ["pve1", "pve2"]]
}
