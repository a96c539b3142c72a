# Three nodes with Ceph's monitors. On the first, a disk that holds nothing, the system's disk whose last partition has a
# forgotten file system, and a hard disk with an SSD for its database.
cluster = {
  ceph = { stage = "monitors" }
  nodes = [
    {
      name = "pve1"
      disks = [
        { path = "/dev/nvme0n1", type = "nvme", size = "256G", serial = "S4EVK1" },
        {
          path   = "/dev/nvme1n1"
          type   = "nvme"
          size   = "128G"
          serial = "S5GX09"
          partitions = [
            { number = 1, size = "1G" },
            { number = 2, size = "1G", used = "vfat", mounted = true },
            { number = 3, size = "62G", used = "LVM", held = true },
            { number = 4, size = "64G", used = "ext4" },
          ]
        },
        { path = "/dev/sdx", type = "hdd", size = "512G", serial = "ZR50A1" },
        { path = "/dev/sdy", type = "ssd", size = "128G", serial = "S6BNP1" },
      ]
    },
    { name = "pve2", disks = [{ path = "/dev/sdb", size = "64G", serial = "SIM0201" }] },
    { name = "pve3", disks = [{ path = "/dev/sdb", size = "64G", serial = "SIM0301" }] },
  ]
}

# Ceph makes the pool as soon as there is an OSD. And what `wipe_if` has allowed to be erased is gone.
left_behind = ["/ceph/pools/.mgr", "/nodes/0/disks/2/partitions/4"]

values {
  crush_device_class = ["nvme", "fast"]
  # Another disk is another OSD.
  node   = []
  device = []
  # So is one with its parts elsewhere, or of another size.
  db_device  = []
  db_size    = []
  wal_device = []
  wal_size   = []
  # Another number of OSDs on a disk replaces them.
  osds_per_device = []
  # A change replaces it, which has to be allowed by then.
  encrypted = [false, true]
  # Words of PVE for what is on a disk.
  wipe_if = [["ext4"], ["ext4", "LVM"]]
}
