data "pve_appliance_template" "debian" {
  node  = "pve1"
  volid = "local:vztmpl/debian-13-standard_13.1-2_amd64.tar.zst"
}

output "bytes" {
  value = data.pve_appliance_template.debian.size
}
