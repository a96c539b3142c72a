data "pve_ceph_crush_bucket" "vienna" {
  name = "vienna"
}

output "hosts_in_vienna" {
  value = data.pve_ceph_crush_bucket.vienna.hosts
}
