data "pve_ceph_crush_buckets" "all" {}

output "ceph_levels" {
  value = { for name, bucket in data.pve_ceph_crush_buckets.all.ceph_crush_buckets : bucket.type => name... }
}
