data "pve_storage_lvm" "san" {
  storage = "san-disks"
}

output "storage_lvm_group" {
  value = data.pve_storage_lvm.san.vgname
}
