locals {
  # A machine's cloud-init takes YAML, and JSON is some.
  setup = var.machine == null ? null : join("\n", ["#cloud-config", jsonencode({
    users = [{ name = "debian", sudo = "ALL=(ALL) NOPASSWD:ALL", shell = "/bin/bash", ssh_authorized_keys = sort(var.machine.ssh_keys) }]
    write_files = concat(
      [
        for name, text in { frpc = local.frpc, caddy = local.caddy } :
        { path = "/etc/tunnel/${name}.json", permissions = "0600", content = text }
      ],
      [
        for name, command in { frpc = "frpc -c", caddy = "caddy run --config" } : {
          path                      = "/etc/systemd/system/${name}.service"

          content = <<-EOT
            [Unit]
            Wants=network-online.target
            After=network-online.target

            [Service]
            Environment=HOME=/var/lib/tunnel XDG_DATA_HOME=/var/lib/tunnel
            StateDirectory=tunnel
            ExecStart=/usr/local/bin/${command} /etc/tunnel/${name}.json
            Restart=always
            RestartSec=5

            [Install]
            WantedBy=multi-user.target
          EOT
        }
      ],
      [{
        path        = "/usr/local/sbin/fetch"
        permissions = "0755"
        content     = <<-EOT
          #!/bin/sh
          # fetch URL SHA256 PROGRAM: the program out of an archive, once the archive is what it should be.
          set -eu
          archive=$(mktemp)
          trap 'rm -f "$archive"' EXIT
          curl -fsSL --retry 10 --retry-all-errors -o "$archive" "$1"
          echo "$2  $archive" | sha256sum -c -
          member=$(tar -tf "$archive" | grep -E "(^|/)$3\$")
          tar -xOf "$archive" "$member" >"/usr/local/bin/$3.new"
          chmod 0755 "/usr/local/bin/$3.new"
          mv "/usr/local/bin/$3.new" "/usr/local/bin/$3"
        EOT
      }],
    )
    runcmd = [
      ["/usr/local/sbin/fetch", var.machine.frp.url, var.machine.frp.sha256, "frpc"],
      ["/usr/local/sbin/fetch", var.machine.caddy.url, var.machine.caddy.sha256, "caddy"],
      ["systemctl", "enable", "--now", "frpc.service", "caddy.service"],
    ]
  })])

  # Changes with all of it but the token, of which nothing is to be seen; that has a number of its own.
  setup_version = var.machine == null ? null : parseint(
    substr(sha256("${var.token_version} ${nonsensitive(sha256(replace(local.setup, var.token, "")))}"), 0, 7), 16
  )
}

# Holds the token, so it is written where nobody reads it in the state.
resource "pve_node_file" "setup" {
  count = var.how == "vm" ? 1 : 0

  node               = var.node
  path               = "${var.machine.snippets.path}/${var.name}-user.yaml"
  content_wo         = local.setup
  content_wo_version = local.setup_version
}

resource "pve_vm" "this" {
  count = var.how == "vm" ? 1 : 0

  name    = var.name
  node    = var.node
  cores   = 1
  memory  = 1024
  started = true

  scsi_hardware = "virtio-scsi-single"
  disks = {
    scsi0 = { import_from = var.machine.image, size = "8G", initial_storage = var.storage }
  }
  networks = {
    net0 = { bridge = var.network.bridge, tag = var.network.tag }
  }
  serial = { serial0 = "socket" }

  cloud_init = {
    storage   = var.storage
    ip_config = { net0 = { ip = var.network.caddy, gw = var.network.gateway } }
    custom    = { user = "${var.machine.snippets.storage}:snippets/${var.name}-user.yaml" }
  }

  allow_destroy = var.allow_destroy

  lifecycle {
    # Cloud-init runs once: a machine with another configuration is another machine.
    replace_triggered_by = [pve_node_file.setup]
  }
}
