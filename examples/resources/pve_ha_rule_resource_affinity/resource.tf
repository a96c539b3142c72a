resource "pve_vm" "web" {
  vmid          = 141
  name          = "web-1"
  memory        = 512
  allow_destroy = true
}

resource "pve_vm" "spare" {
  vmid          = 142
  name          = "web-2"
  memory        = 512
  allow_destroy = true
}

resource "pve_ha_resource" "web" {
  sid = "vm:${pve_vm.web.vmid}"
}

resource "pve_ha_resource" "spare" {
  sid = "vm:${pve_vm.spare.vmid}"
}

# Never both on one node: one of them survives whichever node dies.
resource "pve_ha_rule_resource_affinity" "web" {
  rule      = "web-apart"
  resources = [pve_ha_resource.web.sid, pve_ha_resource.spare.sid]
  affinity  = "negative"
}
