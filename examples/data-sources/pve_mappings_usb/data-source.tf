data "pve_mappings_usb" "all" {}

output "usb_mapping_ids" {
  value = keys(data.pve_mappings_usb.all.mappings_usb)
}
