resource "pve_realm_openid" "home" {
  realm      = "home"
  issuer_url = "https://login.example.com/realms/home"
  client_id  = "proxmox"
  comment    = "Log in at home"
  autocreate = true
}
