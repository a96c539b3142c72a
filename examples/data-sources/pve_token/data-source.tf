data "pve_token" "ci" {
  userid  = "root@pam"
  tokenid = "ci"
}

output "token_comment" {
  value = data.pve_token.ci.comment
}
