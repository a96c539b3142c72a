resource "pve_mapping_usb" "dongle" {
  id = "dongle"
  map = [
    { node = "pve1", id = "1050:0407" },
    { node = "pve3", id = "1050:0407", path = "1-2.3" },
  ]
}
