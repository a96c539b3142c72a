data "pve_user" "joe" {
  userid = "joe@pve"
}

output "user_email" {
  value = data.pve_user.joe.email
}
