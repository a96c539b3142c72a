data "pve_vm" "web" {
  vmid = 131
}

output "runs_on" {
  value = data.pve_vm.web.node
}
