data "pve_mapping_usb" "dongle" {
  id = "dongle"
}

output "dongle_ports" {
  value = data.pve_mapping_usb.dongle.map[*].path
}
