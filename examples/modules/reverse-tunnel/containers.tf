locals {
  images = var.how == "containers" ? { frpc = var.images.frpc, caddy = var.images.caddy } : {}

  containers = {
    frpc = {
      address    = var.network.frpc
      env        = { FRPC_CONFIG = local.frpc }
      entrypoint = "/bin/sh -c 'umask 077; printf %s \"$FRPC_CONFIG\" >/tmp/frpc.json; exec frpc -c /tmp/frpc.json'"
      data       = null
    }
    caddy = {
      address    = var.network.caddy
      env        = { CADDY_CONFIG = local.caddy, XDG_CONFIG_HOME = "/config", XDG_DATA_HOME = "/data" }
      entrypoint = "/bin/sh -c 'printf %s \"$CADDY_CONFIG\" | exec caddy run --config -'"
      # Certificates outlive the image.
      data = "/data"
    }
  }
}

resource "pve_oci_image" "this" {
  for_each = local.images

  node      = var.node
  storage   = var.images.storage
  reference = each.value
}

resource "pve_container" "this" {
  for_each = local.images

  hostname      = "${var.name}-${each.key}"
  node          = var.node
  template_file = pve_oci_image.this[each.key].volid
  os_type       = "unmanaged"
  unprivileged  = true
  cores         = 1
  memory        = 256
  started       = true

  rootfs = { storage = var.storage, size = "2G" }
  mount_points = local.containers[each.key].data == null ? {} : {
    mp0 = { path = local.containers[each.key].data, storage = var.storage, size = "1G", backup = true }
  }
  networks = {
    net0 = {
      name   = "eth0"
      bridge = var.network.bridge
      tag    = var.network.tag
      ip     = local.containers[each.key].address
      gw     = var.network.gateway
    }
  }

  env        = merge({ PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" }, local.containers[each.key].env)
  entrypoint = local.containers[each.key].entrypoint

  allow_destroy = var.allow_destroy
}
