# The ISO images that there are, on whichever storage.
data "pve_storage_files" "iso" {
  content = "iso"
}

output "images" {
  value = keys(data.pve_storage_files.iso.files)
}
