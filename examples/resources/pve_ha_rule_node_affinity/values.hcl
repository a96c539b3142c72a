# Guests have to be under HA, and nodes there.
values {
  resources = [["vm:141"], ["vm:141", "vm:142"]]
  nodes     = [{ pve2 = 1 }, { pve1 = 0, pve3 = 5 }]
}
