resource "pve_ceph_install" "node" {
  for_each = local.nodes

  node       = each.key
  release    = var.ceph.release
  repository = var.ceph.repository

  depends_on = [pve_apt_standard_repository.packages, pve_apt_standard_repository.enterprise]
}

resource "pve_ceph_cluster" "this" {
  network = var.ceph.network

  depends_on = [pve_ceph_install.node]
}

# Three of each: one may die. They are made one after the other.
resource "pve_ceph_monitor" "node" {
  for_each = local.nodes
  node     = each.key

  depends_on = [pve_ceph_cluster.this]
}

resource "pve_ceph_manager" "node" {
  for_each = local.nodes
  node     = each.key

  depends_on = [pve_ceph_monitor.node]
}

resource "pve_ceph_metadata_server" "node" {
  for_each = local.nodes
  node     = each.key

  depends_on = [pve_ceph_manager.node]
}

# Nodes far apart: recovery leaves room for the machines.
resource "pve_ceph_config" "backfills" {
  who    = "osd"
  option = "osd_max_backfills"
  value  = "1"

  depends_on = [pve_ceph_manager.node]
}

# One OSD a disk. Nothing that holds data is ever erased: a disk in use stops the apply.
resource "pve_ceph_osd" "disk" {
  for_each = local.osds

  node   = each.value.node
  device = { serial = each.value.serial }

  allow_destroy = var.allow_destroy

  depends_on = [pve_ceph_manager.node]

  lifecycle {
    postcondition {
      condition     = self.ready
      error_message = "The OSD is not up and in yet; apply again to carry on."
    }
  }
}

# Five copies cannot lie on five different hosts when there are three: spread them over OSDs.
resource "pve_ceph_crush_rule" "osd" {
  name           = "replicated_rule_osd"
  failure_domain = "osd"

  depends_on = [pve_ceph_osd.disk]
}

# Ceph's own pool came with the first OSD. It is taken over, and stays when this is destroyed.
resource "pve_ceph_pool" "own" {
  name       = ".mgr"
  size       = var.copies.size
  min_size   = var.copies.min_size
  crush_rule = pve_ceph_crush_rule.osd.name

  depends_on = [pve_ceph_osd.disk]
}

# Two hosts hold two copies, one holds one: three are left whichever host dies, and I/O goes on.
resource "pve_ceph_pool" "vm" {
  name       = "vm"
  size       = var.copies.size
  min_size   = var.copies.min_size
  crush_rule = pve_ceph_crush_rule.osd.name

  allow_destroy = var.allow_destroy

  depends_on = [pve_ceph_osd.disk]
}

resource "pve_ceph_filesystem" "files" {
  name                = "files"
  data_size           = var.copies.size
  data_min_size       = var.copies.min_size
  data_crush_rule     = pve_ceph_crush_rule.osd.name
  metadata_size       = var.copies.size
  metadata_min_size   = var.copies.min_size
  metadata_crush_rule = pve_ceph_crush_rule.osd.name

  allow_destroy = var.allow_destroy

  depends_on = [pve_ceph_osd.disk, pve_ceph_metadata_server.node]

  lifecycle {
    postcondition {
      condition     = self.ready
      error_message = "The file system is not served yet; apply again to carry on."
    }
  }
}

resource "pve_storage_rbd" "vm" {
  storage = "ceph-vm"
  pool    = pve_ceph_pool.vm.name
  content = ["images"]
}

resource "pve_storage_cephfs" "files" {
  storage = "ceph-files"
  fs_name = pve_ceph_filesystem.files.name
  content = ["iso", "backup"]
}
