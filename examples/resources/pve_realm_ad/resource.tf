resource "pve_realm_ad" "office" {
  realm   = "office"
  server1 = "dc1.example.com"
  server2 = "dc2.example.com"
  mode    = "ldaps"
  domain  = "example.com"
}
