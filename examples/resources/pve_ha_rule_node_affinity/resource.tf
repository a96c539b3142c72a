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

# On pve1 as long as that is up, else on pve2, and nowhere else.
resource "pve_ha_rule_node_affinity" "web" {
  rule      = "web-on"
  resources = [pve_ha_resource.web.sid, pve_ha_resource.spare.sid]
  nodes     = { pve1 = 2, pve2 = 1 }
  strict    = true
}
