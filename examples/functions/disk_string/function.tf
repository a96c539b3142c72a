# "ceph:32,iothread=1,serial=data,ssd=1"
output "disk_line" {
  value = provider::pve::disk_string({
    storage  = "ceph"
    size     = "32G"
    iothread = true
    ssd      = true
    other    = { serial = "data" }
  })
}
