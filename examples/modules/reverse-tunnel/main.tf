# Services at home under names of their own, without a public address at home: frpc keeps a connection to a server that has one,
# and Caddy takes what comes through it, with certificates.

terraform {
  required_providers {
    pve = {
      source = "homelab/pve"
    }
  }
}

locals {
  addresses = {
    caddy = split("/", var.network.caddy)[0]
    # In a machine both are one host.
    frpc = var.how == "vm" ? "127.0.0.1" : split("/", coalesce(var.network.frpc, "0.0.0.0/0"))[0]
  }

  # Both read JSON, which goes into one line.
  frpc = jsonencode({
    serverAddr    = var.server.address
    serverPort    = var.server.port
    loginFailExit = false
    auth          = { method = "token", token = var.token }
    proxies = [
      for name, port in { http = 80, https = 443 } : {
        name                   = "${var.name}-${name}"
        type                   = "tcp"
        localIP                = var.how == "vm" ? "127.0.0.1" : local.addresses.caddy
        localPort              = port
        remotePort             = var.server[name]
        # Caddy learns who really asks.
        transport = { proxyProtocolVersion = "v2" }
      }
    ]
  })

  listener_wrappers = [
    { wrapper = "proxy_protocol", timeout = "5s", allow = ["${local.addresses.frpc}/32"] },
  ]

  caddy = jsonencode({
    admin = { disabled = true }
    apps = {
      http = {
        servers = {
          # Caddy adds the way to HTTPS, and its answers to the certificate authority.
          http = { listen = [":80"], listener_wrappers = local.listener_wrappers }
          https = {
            listen            = [":443"]
            listener_wrappers = concat(local.listener_wrappers, [{ wrapper = "tls" }])
            routes = [
              for host, upstream in var.sites : {
                match    = [{ host = [host] }]
                handle   = [{ handler = "reverse_proxy", upstreams = [{ dial = upstream }] }]
                terminal = true
              }
            ]
          }
        }
      }
    }
  })

  guests = var.how == "vm" ? [for vm in pve_vm.this : "vm:${vm.vmid}"] : [
    for name in ["caddy", "frpc"] : "ct:${pve_container.this[name].vmid}"
  ]
}

resource "pve_ha_resource" "this" {
  count = var.ha ? (var.how == "vm" ? 1 : 2) : 0

  sid   = local.guests[count.index]
  state = "started"
}
