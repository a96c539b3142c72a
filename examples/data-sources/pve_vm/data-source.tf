data "pve_vm" "web" {
  vmid = 101
}

output "runs_on" {
  value = data.pve_vm.web.node
}
