# Three freshly installed nodes that do not know each other: from there to virtual machines that survive the death of a node.
#
# Endpoints and credentials come from the environment: PVE_ENDPOINTS names all nodes, PVE_USERNAME is root@pam, whose password is the
# same on all of them. PVE lets nobody else make a cluster, and no token run what it has no API for.

terraform {
  required_providers {
    pve = {
      source = "homelab/pve"
    }
  }
}

provider "pve" {}

locals {
  nodes = setunion([var.founder], var.members)
  osds = merge([
    for node, serials in var.osd_disks : {
      for serial in serials : "${node}-${serial}" => { node = node, serial = serial }
    }
  ]...)
}
