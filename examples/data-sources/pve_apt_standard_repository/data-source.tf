data "pve_apt_standard_repository" "packages" {
  node   = "pve1"
  handle = "no-subscription"
}

output "packages_are_free" {
  value = data.pve_apt_standard_repository.packages.enabled
}
