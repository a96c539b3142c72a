# Debian, for containers, as Proxmox builds it.
resource "pve_appliance_template" "debian" {
  node     = "pve1"
  storage  = "local"
  template = "debian-13-standard_13.1-2_amd64.tar.zst"
}
