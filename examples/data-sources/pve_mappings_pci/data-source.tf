data "pve_mappings_pci" "all" {}

output "pci_mapping_ids" {
  value = keys(data.pve_mappings_pci.all.mappings_pci)
}
