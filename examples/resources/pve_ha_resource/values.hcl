values {
  candidates = [["pve1", "pve2", "pve3"], ["pve1", "pve2"]]
}
