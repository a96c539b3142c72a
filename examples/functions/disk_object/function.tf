# { volume = "ceph:vm-100-disk-0", storage = "ceph", size = "32G", iothread = true, ... }
output "disk" {
  value = provider::pve::disk_object("ceph:vm-100-disk-0,discard=on,iothread=1,size=32G")
}
