data "pve_ceph_configs" "all" {}

output "options" {
  value = { for key, option in data.pve_ceph_configs.all.ceph_configs : key => option.value }
}
