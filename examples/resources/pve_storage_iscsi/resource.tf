resource "pve_storage_iscsi" "san" {
  storage = "san-luns"
  portal  = "san.example.com"
  target  = "iqn.2001-05.com.example:storage"
  content = ["none"]
}
