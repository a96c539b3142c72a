data "pve_realm_openid" "home" {
  realm = "home"
}

output "realm_openid_issuer_url" {
  value = data.pve_realm_openid.home.issuer_url
}
