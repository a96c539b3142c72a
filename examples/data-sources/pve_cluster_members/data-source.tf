data "pve_cluster_members" "all" {}

# What the provider's `fingerprints` have to be once all have joined.
output "fingerprints" {
  value = { for name, member in data.pve_cluster_members.all.members : name => member.ssl_fingerprint }
}
