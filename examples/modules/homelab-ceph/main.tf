# Ceph for a homelab: OSDs on the disks that are named, pools whose copies survive a node, and their storages.

terraform {
  required_providers {
    pve = {
      source = "homelab/pve"
    }
  }
}

locals {
  osds = merge([
    for node, devices in var.osds : {
      for device in devices :
      join("-", compact([node, device.serial, try(tostring(device.partition), null)])) => merge(device, { node = node })
    }
  ]...)
}

# Made one after the other by the provider, whatever the graph allows.
resource "pve_ceph_monitor" "this" {
  for_each = var.monitors
  node     = each.key
}

resource "pve_ceph_manager" "this" {
  for_each = var.managers
  node     = each.key

  depends_on = [pve_ceph_monitor.this]
}

# Nothing that holds data is erased unless `wipe_if` names it: a disk in use stops the apply.
resource "pve_ceph_osd" "this" {
  for_each = local.osds

  node               = each.value.node
  device             = { serial = each.value.serial, partition = each.value.partition }
  wipe_if            = each.value.wipe_if
  crush_device_class = each.value.crush_device_class
  encrypted          = each.value.encrypted
  allow_destroy      = var.allow_destroy

  depends_on = [pve_ceph_manager.this]

  lifecycle {
    postcondition {
      condition     = self.ready
      error_message = "The OSD ${each.key} is not up and in yet; apply again to carry on."
    }
  }
}

# Where a pool keeps more copies than there are nodes, they are spread over OSDs: Ceph's own rule wants a host for each.
resource "pve_ceph_crush_rule" "this" {
  name           = var.crush_rule.name
  failure_domain = var.crush_rule.failure_domain
  device_class   = var.crush_rule.device_class

  depends_on = [pve_ceph_osd.this]
}

resource "pve_ceph_pool" "this" {
  for_each = var.pools

  name          = each.key
  size          = each.value.size
  min_size      = each.value.min_size
  crush_rule    = pve_ceph_crush_rule.this.name
  allow_destroy = var.allow_destroy

  # As one, so that all disks are there when the copies are counted, and the pools go before the disks.
  depends_on = [pve_ceph_osd.this]

  lifecycle {
    postcondition {
      condition     = self.ready
      error_message = "The pool ${each.key} is not complete yet; apply again to carry on."
    }
  }
}

resource "pve_storage_rbd" "this" {
  for_each = var.pools

  storage = coalesce(each.value.storage, "ceph-${each.key}")
  pool    = pve_ceph_pool.this[each.key].name
  content = each.value.content
  krbd    = each.value.krbd
}
