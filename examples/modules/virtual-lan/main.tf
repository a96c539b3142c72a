# A network of their own for nodes that only share the internet: WireGuard between each two of them.

terraform {
  required_providers {
    pve = {
      source = "homelab/pve"
    }
  }
}

locals {
  # A folder that every Debian has.
  folder = "/usr/local/etc"

  peers = {
    for name, node in var.nodes : name => join("\n", flatten([
      for other, peer in var.nodes : [
        "",
        "[Peer]",
        "# ${other}",
        "PublicKey = ${peer.public_key}",
        "AllowedIPs = ${split("/", peer.address)[0]}/${strcontains(peer.address, ":") ? 128 : 32}",
        "Endpoint = ${strcontains(peer.endpoint, ":") ? "[${peer.endpoint}]" : peer.endpoint}:${var.port}",
        "PersistentKeepalive = ${var.keepalive}",
      ] if other != name
    ]))
  }

  configurations = {
    for name, node in var.nodes : name => join("\n", concat(
      [
        "# By Terraform: changes are seen, and written over.",
        "[Interface]",
        "Address = ${node.address}",
        "ListenPort = ${var.port}",
        "MTU = ${var.mtu}",
        "PostUp = wg set %i private-key ${local.folder}/${var.interface}.key",
      ],
      [local.peers[name], ""],
    ))
  }

  unit = <<-EOT
    # By Terraform: changes are seen, and written over.
    [Unit]
    Description=WireGuard between the nodes (${var.interface})
    Wants=network-online.target
    After=network-online.target
    Before=corosync.service ceph.target

    [Service]
    Type=oneshot
    RemainAfterExit=yes
    TimeoutStartSec=300
    ExecStartPre=/bin/sh -c 'command -v wg-quick >/dev/null || ${var.install}'
    ExecStart=/usr/bin/wg-quick up ${local.folder}/${var.interface}.conf
    ExecStop=/usr/bin/wg-quick down ${local.folder}/${var.interface}.conf

    [Install]
    WantedBy=multi-user.target
  EOT
}

# By itself, so that the rest of the configuration is shown and compared.
resource "pve_node_file" "key" {
  for_each = var.nodes

  node               = each.key
  path               = "${local.folder}/${var.interface}.key"
  content_wo         = var.private_keys[each.key]
  content_wo_version = var.private_keys_version
}

resource "pve_node_file" "configuration" {
  for_each = var.nodes

  node    = each.key
  path    = "${local.folder}/${var.interface}.conf"
  content = local.configurations[each.key]
  mode    = "0600"
}

resource "pve_node_file" "unit" {
  for_each = var.nodes

  node    = each.key
  path    = "/etc/systemd/system/${var.interface}.service"
  content = local.unit
}

resource "pve_node_service" "this" {
  for_each = var.nodes

  node    = each.key
  unit    = "${var.interface}.service"
  enabled = true
  running = true

  restarted_by = {
    key           = pve_node_file.key[each.key].content_wo_version
    configuration = sha256(pve_node_file.configuration[each.key].content)
    unit          = sha256(pve_node_file.unit[each.key].content)
  }
}
