cluster = {
  storages = [
    {
      storage = "local", type = "dir", path = "/var/lib/vz", content = ["iso", "vztmpl", "backup"]
      volumes = [{ name = "vztmpl/debian-13-standard_13.1-2_amd64.tar.zst", size = "120M" }]
    },
    { storage = "local-lvm", type = "lvmthin", vgname = "pve", thinpool = "data", content = ["images", "rootdir"] },
  ]
}

values {
  # A change replaces the container, and so does the way back.
  vmid          = [142]
  hostname      = ["first", "second.example", "no_dns_name"]
  node          = ["pve1", "pve2"]
  placement     = ["initial"]
  template_file = ["local:vztmpl/debian-13-standard_13.1-2_amd64.tar.zst"]
  cores         = [2, 4]
  tags          = [["first"], ["first", "second"], ["no tag"]]
  timezone      = ["Europe/Vienna", "host"]
  # What is told once.
  clone    = []
  restore  = []
  password = ["secret"]
  ssh_keys = ["ssh-ed25519 AAAA a@x"]
  pool     = []
  # Volumes never shrink, so there would be no way back.
  rootfs = [{ storage = "local-lvm", size = "8G", acl = true, mount_options = "noatime" }]
  mount_points = [
    { mp0 = { path = "/var/cache", storage = "local-lvm", size = "2G", backup = true } },
    {
      mp0 = { path = "/srv", storage = "local-lvm", size = "2G" }
      mp1 = { path = "/data", storage = "local-lvm", size = "1G", read_only = true }
    },
  ]
  networks = [
    { net0 = { name = "eth0", bridge = "vmbr0", ip = "dhcp", tag = 30, firewall = true } },
    { net0 = { name = "eth0", bridge = "vmbr0", mac = "BC:24:11:00:00:01" }, net1 = { name = "eth1" } },
  ]
  devices     = [{ dev0 = { path = "/dev/net/tun", mode = "0660" } }]
  features    = [{ nesting = true, keyctl = true }, { nesting = false }]
  dns         = [{ servers = ["192.0.2.1", "192.0.2.2"] }, { domain = "example.com" }]
  env         = [{ A = "1" }, { A = "2", B = "x y" }]
  entrypoint  = ["/sbin/init", "/bin/sh"]
  hook_script = []
  os_type     = ["debian", "unmanaged"]
}
