resource "pve_storage_esxi" "old" {
  storage                = "esxi-old"
  server                 = "esxi.example.com"
  username               = "root"
  password               = "change-me"
  password_version       = 1
  skip_cert_verification = true
}
