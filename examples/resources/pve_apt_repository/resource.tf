# Debian's own packages, which the installer enables.
resource "pve_apt_repository" "debian" {
  node      = "pve1"
  file      = "debian.sources"
  suite     = "trixie"
  component = "main"
  uri       = "http://deb.debian.org/debian"
  enabled   = true
}
