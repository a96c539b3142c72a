resource "pve_mapping_dir" "share" {
  id = "share"
  map = [
    { node = "pve1", path = "/srv" },
    { node = "pve2", path = "/srv" },
  ]
}
