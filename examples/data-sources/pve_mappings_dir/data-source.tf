data "pve_mappings_dir" "all" {}

output "dir_mapping_ids" {
  value = keys(data.pve_mappings_dir.all.mappings_dir)
}
