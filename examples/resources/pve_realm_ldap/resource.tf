resource "pve_realm_ldap" "directory" {
  realm     = "directory"
  server1   = "ldap.example.com"
  mode      = "ldaps"
  verify    = true
  base_dn   = "ou=people,dc=example,dc=com"
  user_attr = "uid"
}
