data "pve_cluster" "this" {}

output "members_that_are_off" {
  value = [for name, member in data.pve_cluster.this.members : name if !member.online]
}
