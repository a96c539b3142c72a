resource "pve_token" "ci" {
  userid  = "root@pam"
  tokenid = "ci"
  comment = "The pipeline"
}

output "token_value" {
  value     = pve_token.ci.value
  sensitive = true
}
