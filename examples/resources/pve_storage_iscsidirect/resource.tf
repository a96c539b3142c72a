resource "pve_storage_iscsidirect" "san" {
  storage = "san-direct"
  portal  = "san.example.com:3260"
  target  = "iqn.2001-05.com.example:direct"
}
