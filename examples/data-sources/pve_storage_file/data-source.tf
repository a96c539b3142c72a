data "pve_storage_file" "user_data" {
  node  = "pve1"
  volid = "local:snippets/web.yaml"
}

output "bytes" {
  value = data.pve_storage_file.user_data.size
}
