data "pve_storages" "all" {}

output "for_isos" {
  value = [for id, storage in data.pve_storages.all.storages : id if contains(storage.content, "iso")]
}
