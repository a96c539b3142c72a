data "pve_ceph_managers" "all" {}

output "managers" {
  value = keys(data.pve_ceph_managers.all.ceph_managers)
}
