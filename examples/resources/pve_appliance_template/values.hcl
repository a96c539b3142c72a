# The index of templates, as a node has fetched it.
cluster = {
  appliances = [
    {
      template     = "debian-13-standard_13.1-2_amd64.tar.zst"
      package      = "debian-13-standard"
      version      = "13.1-2"
      os           = "debian-13"
      section      = "system"
      type         = "lxc"
      architecture = "amd64"
      headline     = "Debian 13 Trixie (standard)"
      location     = "http://download.proxmox.com/images/system/debian-13-standard_13.1-2_amd64.tar.zst"
      sha512sum    = "2c1331661a735a9ff2df189aabb374d30b0d22ab015b079b45fa6c57c23759fd8a7deed23ea0e05d9a48a055e20e7fcfc0cce624739befdb9546d8fdf22a8c30"
    },
    {
      template     = "alpine-3.22-default_20250617_amd64.tar.xz"
      package      = "alpine-3.22-default"
      version      = "20250617"
      os           = "alpine"
      section      = "system"
      type         = "lxc"
      architecture = "amd64"
      headline     = "LXC default image for alpine 3.22 (20250617)"
      location     = "http://download.proxmox.com/images/system/alpine-3.22-default_20250617_amd64.tar.xz"
      sha512sum    = "f878fccd1352d8839d72798fae37ab4919351c72e5bfa2a094d00932aeda9ce9d800ac4daf09553c1156d1b6811cfabfd388546e0e2765f66fc4224b506d477e"
    },
  ]
  storages = [
    { storage = "local", type = "dir", path = "/var/lib/vz", content = ["iso", "vztmpl", "backup"] },
    { storage = "local-lvm", type = "lvmthin", vgname = "pve", thinpool = "data", content = ["images", "rootdir"] },
  ]
}

values {
  node     = ["pve2"]
  storage  = []
  template = ["alpine-3.22-default_20250617_amd64.tar.xz"]
}
