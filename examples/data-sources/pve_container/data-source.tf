data "pve_container" "proxy" {
  vmid = 141
}

output "address" {
  value = data.pve_container.proxy.interfaces["eth0"].ipv4[0]
}
