resource "pve_realm_ldap" "staff" {
  realm     = "staff"
  server1   = "ldap.example.com"
  base_dn   = "ou=staff,dc=example,dc=com"
  user_attr = "uid"
}

resource "pve_realm_sync_job" "staff" {
  id              = "staff-nightly"
  realm           = pve_realm_ldap.staff.realm
  schedule        = "mon..fri 02:30"
  scope           = "both"
  remove_vanished = ["acl", "entry"]
}
