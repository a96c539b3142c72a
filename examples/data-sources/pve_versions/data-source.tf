data "pve_versions" "all" {}

output "equal" {
  value = data.pve_versions.all.equal
}
