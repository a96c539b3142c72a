data "pve_pool" "team" {
  poolid = "team"
}

output "what_the_team_is" {
  value = data.pve_pool.team.comment
}
