# Where the machines run, and how Ceph is, at this moment.
#
# These facts change by themselves. In a configuration of their own they change no other configuration's plan.

terraform {
  required_providers {
    pve = {
      source = "homelab/pve"
    }
  }
}

provider "pve" {}

data "pve_ha_status" "now" {}

data "pve_ceph_status" "now" {}

output "services" {
  description = "The guests under HA: which node each is on, and what HA says of it."
  value       = { for sid, service in data.pve_ha_status.now.services : sid => { node = service.node, state = service.state } }
}

output "pgs" {
  description = "Ceph's placement groups by state."
  value       = data.pve_ceph_status.now.pgs_by_state
}
