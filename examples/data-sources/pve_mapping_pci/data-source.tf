data "pve_mapping_pci" "gpu" {
  id = "gpu"
}

output "nodes_with_a_gpu" {
  value = data.pve_mapping_pci.gpu.map[*].node
}
