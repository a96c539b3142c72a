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
  # While it is on, nothing is destroyed.
  protection = [false]
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
  password_version = [1, 2]
  ssh_keys = ["ssh-ed25519 AAAA a@x"]
  pool     = []
  # Volumes never shrink, so there would be no way back.
  rootfs = [
    { storage = "local-lvm", size = "8G", acl = true, mount_options = "noatime", quota = false, replicate = false },
    { storage = "local-lvm", size = "8G", read_only = false, shared = false },
  ]
  # Some of it waits for a start.
  mount_points = [
    {
      mp0 = { path = "/var/cache", storage = "local-lvm", size = "2G", backup = true, acl = true, mount_options = "noatime;nodev" }
      mp1 = { path = "/srv", storage = "local-lvm", size = "1G", read_only = true, replicate = false, when_removed = "destroy" }
    },
    {
      mp0 = { path = "/var/lib", storage = "local-lvm", size = "2G", quota = false, shared = false }
      mp2 = { path = "/host", volume = "/srv/data", shared = true }
    },
  ]
  networks = [
    { net0 = { name = "eth0", bridge = "vmbr0", ip = "dhcp", tag = 30, firewall = true } },
    { net0 = { name = "eth0", bridge = "vmbr0", mac = "BC:24:11:00:00:01" }, net1 = { name = "eth1" } },
    { net0 = { name = "eth0", bridge = "vmbr0", ip = "192.0.2.5/24", gw = "192.0.2.1", link_down = true, mtu = 1400, rate = 12.5 } },
    { net0 = { name = "eth0", bridge = "vmbr0", ip6 = "2001:db8::5/64", gw6 = "2001:db8::1", trunks = "1;5-9", host_managed = false } },
  ]
  devices = [{ dev0 = { path = "/dev/net/tun", mode = "0660", uid = 1000, gid = 1000, deny_write = true } }]
  # All but nesting is root's.
  features = [
    { nesting = false },
    { nesting = true, keyctl = true, fuse = true, mknod = false, force_rw_sys = false, mount = "nfs;cifs" },
  ]
  dns         = [{ servers = ["192.0.2.1", "192.0.2.2"] }, { domain = "example.com" }]
  env         = [{ A = "1" }, { A = "2", B = "x y" }]
  entrypoint  = ["/sbin/init", "/bin/sh"]
  hook_script = []
  os_type     = ["debian", "unmanaged"]
}
