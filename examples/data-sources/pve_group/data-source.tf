data "pve_group" "admins" {
  groupid = "admins"
}

output "group_comment" {
  value = data.pve_group.admins.comment
}
