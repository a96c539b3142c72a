resource "pve_mapping_pci" "gpu" {
  id          = "gpu"
  description = "Graphics cards"
  map = [
    { node = "pve1", path = "0000:01:00.0", id = "10de:1234", subsystem_id = "10de:0001" },
    { node = "pve2", path = "0000:02:00.0", id = "10de:1234", subsystem_id = "10de:0001" },
  ]
}
