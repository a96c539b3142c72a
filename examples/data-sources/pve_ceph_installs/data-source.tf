data "pve_ceph_installs" "all" {}

output "releases" {
  value = { for node, install in data.pve_ceph_installs.all.ceph_installs : node => install.release }
}
