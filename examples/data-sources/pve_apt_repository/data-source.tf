data "pve_apt_repository" "debian" {
  node      = "pve1"
  file      = "debian.sources"
  suite     = "trixie"
  component = "main"
  uri       = "http://deb.debian.org/debian"
}

output "debian_is_enabled" {
  value = data.pve_apt_repository.debian.enabled
}
