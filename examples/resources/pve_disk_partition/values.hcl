# On the first node the system's disk, of which PVE's installer has left half, and a disk that holds nothing.
cluster = {
  ceph = { stage = "none" }
  nodes = [
    {
      name = "pve1"
      disks = [
        {
          path   = "/dev/nvme0n1"
          type   = "nvme"
          size   = "512G"
          serial = "S5GX09"
          partitions = [
            { number = 1, size = "1G", used = "EFI", mounted = true },
            { number = 2, size = "255G", used = "LVM", held = true },
          ]
        },
        { path = "/dev/sdb", size = "256G", serial = "S4EVK1" },
      ]
    },
    { name = "pve2" },
    { name = "pve3" },
  ]
}

# Imports read the table on the node.
reads_by_shell = true

values {
  # Another disk is another partition.
  node = []
  disk = []
  # So is another size; both are made on what is left.
  size = ["64G", "65536M", "32G"]
  # A table that is there stays.
  create_table = [true, false]
}
