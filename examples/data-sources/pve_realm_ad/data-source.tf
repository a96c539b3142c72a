data "pve_realm_ad" "office" {
  realm = "office"
}

output "realm_ad_domain" {
  value = data.pve_realm_ad.office.domain
}
