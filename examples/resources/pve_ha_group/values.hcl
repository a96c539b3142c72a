# PVE 9 has no groups.
cluster = { pve = "8.4" }

values {
  nodes = [{ pve2 = 1 }, { pve1 = 0, pve3 = 5 }]
}
