data "pve_realm_ldap" "directory" {
  realm = "directory"
}

output "realm_ldap_base_dn" {
  value = data.pve_realm_ldap.directory.base_dn
}
