data "pve_version" "cluster" {}

output "version" {
  value = data.pve_version.cluster.version
}
