data "pve_cluster_member" "third" {
  node = "pve3"
}

output "corosync_address" {
  value = data.pve_cluster_member.third.member.links["0"]
}
