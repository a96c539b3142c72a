data "pve_storage_iscsidirect" "san" {
  storage = "san-direct"
}

output "storage_iscsidirect_target" {
  value = data.pve_storage_iscsidirect.san.target
}
