resource "pve_container" "proxy" {
  vmid          = 141
  template_file = "local:vztmpl/debian-13-standard_13.1-2_amd64.tar.zst"
  hostname      = "proxy"
  unprivileged  = true
  cores         = 1
  memory        = 512
  swap          = 0
  tags          = ["proxy"]
  started       = true

  rootfs = { storage = "local-lvm", size = "8G" }

  mount_points = {
    mp0 = { path = "/var/cache", storage = "local-lvm", size = "2G" }
  }

  networks = {
    net0 = { name = "eth0", bridge = "vmbr0", ip = "192.0.2.20/24", gw = "192.0.2.1" }
  }

  features = { nesting = true }

  ssh_keys = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAhLwvtjKRGnNn7jxMRbrVIdFNJN0F3cg2AQ0YqqAd2y ops@example"

  allow_destroy = true
}
