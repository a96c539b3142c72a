terraform import pve_vm.web 131
