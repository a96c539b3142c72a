resource "pve_storage_zfs" "store" {
  storage       = "zfs-store"
  portal        = "store.example.com"
  target        = "iqn.2003-01.org.linux-iscsi.store:pve"
  pool          = "tank"
  blocksize     = "4k"
  iscsiprovider = "LIO"
  lio_tpg       = "tpg1"
}
