# A template, an image and a backup to make machines from.
cluster = {
  guests = [{
    vmid   = 9000
    node   = "pve1"
    name   = "template"
    config = { template = 1, cores = 1, memory = "512", scsi0 = "local-lvm:2", net0 = "virtio,bridge=vmbr0" }
  }]
  storages = [
    {
      storage = "local"
      type    = "dir"
      path    = "/var/lib/vz"
      content = ["iso", "vztmpl", "backup", "import"]
      volumes = [
        { name = "import/debian-13.qcow2", size = "2G" },
        {
          name   = "backup/vzdump-qemu-9000-2026_11_29-10_00_00.vma.zst"
          size   = "1G"
          config = { name = "old", memory = "512", scsi0 = "local-lvm:vm-9000-disk-0,size=2G" }
        },
      ]
    },
    { storage = "local-lvm", type = "lvmthin", vgname = "pve", thinpool = "data", content = ["images", "rootdir"] },
  ]
}

values {
  # A change replaces the machine, and so does the way back.
  vmid = [132]
  name = ["first", "second.example", "no_dns_name"]
  node = ["pve1", "pve2"]
  # A node has eight.
  cores   = [1, 4]
  sockets = [2, 1]
  cpu     = ["host", "x86-64-v2-AES"]
  machine = ["q35", "pc"]
  tags    = [["first"], ["first", "second"], ["no tag"]]
  # The first disk keeps its size: disks never shrink, so there would be no way back.
  disks = [
    { scsi0 = { size = "8G", initial_storage = "local-lvm", cache = "writeback", ssd = true } },
    {
      scsi0 = { size = "8G", storage = "local-lvm", discard = false, iothread = false }
      scsi1 = { size = "1G", storage = "local-lvm" }
      scsi2 = { size = "4G", storage = "local-lvm", import_from = "local:import/debian-13.qcow2" }
    },
  ]
  clone     = [{ vmid = 9000 }, { vmid = 9000, full = true, storage = "local-lvm", format = "raw" }]
  restore   = [{ archive = "local:backup/vzdump-qemu-9000-2026_11_29-10_00_00.vma.zst", storage = "local-lvm", unique = true }]
  placement = ["pinned", "initial"]
  networks = [
    { net0 = { bridge = "vmbr0", model = "e1000e", tag = 30, firewall = true } },
    { net0 = { bridge = "vmbr0", mac = "BC:24:11:00:00:01" }, net1 = {} },
  ]
  cloud_init = [
    { storage = "local-lvm", user = "first", ssh_keys = [], dns = { servers = ["192.0.2.1", "192.0.2.2"] } },
    {
      user      = "second"
      dns       = { domain = "example.com" }
      ip_config = { net0 = { ip = "dhcp", ip6 = "2001:db8::5/64", gw6 = "2001:db8::1" } }
    },
    { ip_config = { net0 = { ip = "192.0.2.5/24", gw = "192.0.2.1" } } },
  ]
}
