# A template, an image and a backup to make machines from, and what they name.
cluster = {
  mappings = {
    dir = { share = ["node=pve1,path=/srv/share"] }
    pci = { gpu = ["node=pve1,path=0000:01:00.0,id=10de:1234"] }
    usb = { stick = ["node=pve1,id=1234:5678"] }
  }
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
      content = ["iso", "vztmpl", "backup", "import", "snippets"]
      volumes = [
        { name = "iso/debian-13.iso", size = "600M" },
        { name = "snippets/hook.pl", size = "1K" },
        { name = "snippets/user.yaml", size = "1K" },
        { name = "snippets/network.yaml", size = "1K" },
        { name = "snippets/meta.yaml", size = "1K" },
        { name = "snippets/vendor.yaml", size = "1K" },
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
  # While it is on, nothing is destroyed.
  protection = [false]
  # A change replaces the machine, and so does the way back.
  vmid = [132]
  name = ["first", "second.example", "no_dns_name"]
  node = ["pve1", "pve2"]
  # A node has eight.
  # One that obeys the power button, which `reboot` needs. Windows is tried by lot: PVE changes more than this then.
  os_type = ["l24", "solaris"]
  cores   = [1, 4]
  sockets = [2, 1]
  cpu     = ["host", "x86-64-v2-AES"]
  machine = ["q35", "pc"]
  tags    = [["first"], ["first", "second"], ["no tag"]]
  cpu_options = [
    { flags = ["+aes"], hidden = true, phys_bits = "host" },
    { flags = ["-pcid", "+ssbd"], hv_vendor_id = "Vendor1", guest_phys_bits = 40 },
  ]
  cpu_limit  = [1.5, 0]
  vcpus      = [1, 2]
  start_date = ["2006-06-17T16:01:21", "now"]
  boot_order = [["scsi0"], ["net0", "scsi0"]]
  hotplug    = [["disk"], [], ["network", "disk", "usb"]]
  numa_nodes = [
    { numa0 = { cpus = "0-1", memory = 512, host_nodes = "0", policy = "bind" } },
    { numa1 = { cpus = "0;1" } },
  ]
  # These four are root's.
  affinity    = ["0-1"]
  args        = ["-no-hpet"]
  hook_script = ["local:snippets/hook.pl"]
  hugepages   = ["any"]

  vm_state_storage = ["local-lvm", ""]
  smbios           = [{ serial = "S 1", manufacturer = "Homelab, Inc.", product = "Box" }, { version = "2", sku = "K", family = "F" }]
  # What they are cannot be changed once they are there.
  efi_disk  = [{ storage = "local-lvm", type = "4m", pre_enrolled_keys = true }]
  tpm_state = [{ storage = "local-lvm", version = "v2.0" }]
  cdroms    = [{ ide0 = { file = "none" } }, { ide0 = { file = "physical" }, sata1 = {} }, { ide0 = { file = "local:iso/debian-13.iso" } }]
  audio     = [{ device = "AC97", driver = "none" }, {}]
  rng       = [{ source = "/dev/urandom", max_bytes = 1024, period = 500 }, {}]
  watchdog  = [{ model = "i6300esb", action = "reset" }, {}]
  startup   = [{ order = 1, up = 30, down = 60 }, {}]
  serial    = [{ serial0 = "socket" }, { serial0 = "socket", serial1 = "socket" }, { serial2 = "/dev/ttyS0" }]
  usb       = [{ usb0 = { host = "spice" } }, { usb0 = { mapping = "stick", usb3 = true } }]
  pci = [
    { hostpci0 = { mapping = "gpu", pcie = true, rombar = false, primary_gpu = true, driver = "keep" } },
    {
      hostpci0 = {
        mapping = "gpu", mdev = "nvidia-11", legacy_igd = true, vendor_id = "0x1234", device_id = "0x0001"
        sub_vendor_id = "0x1234", sub_device_id = "0x0002"
      }
    },
    # Root's.
    { hostpci0 = { host = "0000:01:00.0", rom_file = "vbios.bin" } },
  ]
  virtiofs = [
    { virtiofs0 = { mapping = "share", cache = "never", direct_io = true } },
    { virtiofs0 = { mapping = "share", expose_xattr = true, expose_acl = true } },
  ]
  # The first disk keeps its size: disks never shrink, so there would be no way back.
  disks = [
    { scsi0 = { size = "8G", initial_storage = "local-lvm", cache = "writeback", ssd = true, when_removed = "destroy" } },
    {
      scsi0 = {
        size = "8G", initial_storage = "local-lvm", aio = "threads", backup = false, replicate = false, detect_zeroes = false
        read_only = true, serial = "abc-1", wwn = "0x5000c500a1b2c3d4", queues = 2, rerror = "stop", werror = "report"
        throttle = { mbps = 10.5, mbps_max = 20, bps_max_length = 5, iops = 100, iops_max = 200, iops_max_length = 3 }
      }
    },
    {
      scsi0 = {
        size = "8G", initial_storage = "local-lvm", read_only = false
        throttle = {
          mbps_rd = 10, mbps_rd_max = 20, bps_rd_max_length = 5, mbps_wr = 10, mbps_wr_max = 20, bps_wr_max_length = 5
          iops_rd = 100, iops_rd_max = 200, iops_rd_max_length = 3, iops_wr = 100, iops_wr_max = 200, iops_wr_max_length = 3
        }
      }
    },
    { scsi0 = { size = "8G", initial_storage = "local-lvm", throttle = {} } },
    {
      scsi0 = { size = "8G", storage = "local-lvm", discard = false, iothread = false }
      scsi1 = { size = "1G", storage = "local-lvm" }
      scsi2 = { size = "4G", storage = "local-lvm", import_from = "local:import/debian-13.qcow2" }
    },
  ]
  clone     = [{ vmid = 9000 }, { vmid = 9000, full = true, storage = "local-lvm", format = "raw", snapshot = "s1" }]
  # Where both are, `clone` and `restore` contradict each other: the second is set when the other has gone.
  restore = [
    { archive = "local:backup/vzdump-qemu-9000-2026_11_29-10_00_00.vma.zst", storage = "local-lvm" },
    { archive = "local:backup/vzdump-qemu-9000-2026_11_29-10_00_00.vma.zst", storage = "local-lvm", unique = true },
  ]
  placement = ["pinned", "initial"]
  networks = [
    { net0 = { bridge = "vmbr0", model = "e1000e", tag = 30, firewall = true } },
    { net0 = { bridge = "vmbr0", mac = "BC:24:11:00:00:01" }, net1 = {} },
    { net0 = { bridge = "vmbr0", link_down = true, mtu = 1, queues = 4, rate = 12.5, trunks = "1;5-9" } },
    { net0 = { bridge = "vmbr0", rate = 0, trunks = "" } },
  ]
  cloud_init = [
    { storage = "local-lvm", user = "first", ssh_keys = [], dns = { servers = ["192.0.2.1", "192.0.2.2"] } },
    {
      user      = "second"
      dns       = { domain = "example.com" }
      ip_config = { net0 = { ip = "dhcp", ip6 = "2001:db8::5/64", gw6 = "2001:db8::1" } }
    },
    { ip_config = { net0 = { ip = "192.0.2.5/24", gw = "192.0.2.1" } } },
    { interface = "ide2", type = "nocloud", upgrade = false, password = "secret", password_version = 2 },
    {
      custom = {
        user   = "local:snippets/user.yaml", network = "local:snippets/network.yaml", meta = "local:snippets/meta.yaml"
        vendor = "local:snippets/vendor.yaml"
      }
    },
    { custom = {}, upgrade = true },
  ]
}
