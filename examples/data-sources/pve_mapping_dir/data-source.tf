data "pve_mapping_dir" "share" {
  id = "share"
}

output "shared_folders" {
  value = { for folder in data.pve_mapping_dir.share.map : folder.node => folder.path }
}
