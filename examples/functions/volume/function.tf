# { storage = "nas", kind = "disk", format = "qcow2", vmid = 100, disk = 0, ... }
output "volume" {
  value = provider::pve::volume("nas:100/vm-100-disk-0.qcow2")
}
