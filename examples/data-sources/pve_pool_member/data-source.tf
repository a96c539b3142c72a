data "pve_pool_member" "builders_local" {
  poolid = "builders"
  member = "local"
}

output "member_of" {
  value = data.pve_pool_member.builders_local.poolid
}
