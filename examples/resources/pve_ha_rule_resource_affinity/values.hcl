# Guests have to be under HA.
values {
  resources = [["vm:141", "vm:142"]]
}
