data "pve_users" "all" {}

output "users_who_may_log_in" {
  value = [for id, user in data.pve_users.all.users : id if user.enable]
}
