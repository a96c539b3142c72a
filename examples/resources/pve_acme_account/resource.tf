# For Let's Encrypt leave `directory` out; the plan tells which terms `tos_url` has to name.
resource "pve_acme_account" "internal" {
  name          = "internal"
  contact       = ["admin@example.com"]
  directory     = "https://ca.example.com/acme/directory"
  tos_url       = "https://ca.example.com/terms"
  allow_destroy = true
}
