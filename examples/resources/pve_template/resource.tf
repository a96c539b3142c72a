resource "pve_vm" "base" {
  vmid          = 9000
  name          = "debian-base"
  disks         = { scsi0 = { size = "4G", initial_storage = "local-lvm" } }
  allow_destroy = true
}

# What is cloned refers to `pve_template.base.vmid`, so that the machine is a template by then.
resource "pve_template" "base" {
  vmid = pve_vm.base.vmid
}
