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
    },
  ]
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
