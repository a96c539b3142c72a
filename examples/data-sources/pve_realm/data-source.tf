data "pve_realm" "pve" {
  realm = "pve"
}

output "realm_comment" {
  value = data.pve_realm.pve.comment
}
