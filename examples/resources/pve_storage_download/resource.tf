# The image of a cloud, for machines to be made from. PVE goes by the ending of the name.
resource "pve_storage_download" "debian" {
  node      = "pve1"
  storage   = "local"
  content   = "import"
  url       = "https://cloud.debian.org/images/cloud/trixie/latest/debian-13-genericcloud-amd64.qcow2"
  file_name = "debian-13.qcow2"
}

# An installer, on a storage that all nodes share: any of them fetches it.
resource "pve_storage_download" "installer" {
  storage = "nas"
  content = "iso"
  url     = "https://cdimage.debian.org/debian-cd/current/amd64/iso-cd/debian-13.1.0-amd64-netinst.iso"
}
