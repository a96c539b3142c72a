# The installer enables the repository for subscribers: without a subscription `apt update` fails because of it.
resource "pve_apt_standard_repository" "enterprise" {
  node    = "pve1"
  handle  = "enterprise"
  enabled = false
}

resource "pve_apt_standard_repository" "packages" {
  node   = "pve1"
  handle = "no-subscription"
}
