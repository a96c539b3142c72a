data "pve_storage_iscsi" "san" {
  storage = "san-luns"
}

output "storage_iscsi_target" {
  value = data.pve_storage_iscsi.san.target
}
