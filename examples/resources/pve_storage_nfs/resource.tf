resource "pve_storage_nfs" "iso" {
  storage = "nas-iso"
  server  = "nas.example.com"
  export  = "/srv/iso"
  options = "vers=4.2"
  content = ["iso", "vztmpl"]
}
