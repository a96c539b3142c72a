# A machine from a distribution's cloud image: its first disk begins as a copy of the image, and cloud-init does the rest.

terraform {
  required_providers {
    pve = { source = "homelab/pve" }
  }
}

provider "pve" {}

variable "image" {
  description = "The image, on a storage whose content types have `import`."
  type        = string
  default     = "local:import/debian-13.qcow2"
}

variable "storage" {
  description = "Where the machine's disks are made."
  type        = string
  default     = "local-lvm"
}

resource "pve_vm" "debian" {
  name          = "debian"
  cores         = 2
  memory        = 2048
  scsi_hardware = "virtio-scsi-single"
  started       = true

  disks = {
    # As large as the image at first, and then made larger.
    scsi0 = { import_from = var.image, initial_storage = var.storage, size = "16G", discard = true, iothread = true }
  }

  networks = {
    net0 = { bridge = "vmbr0" }
  }

  cloud_init = {
    storage   = var.storage
    user      = "ops"
    ip_config = { net0 = { ip = "dhcp" } }
  }

  allow_destroy = true
}

data "pve_vm" "debian" {
  vmid = pve_vm.debian.vmid
}

output "addresses" {
  description = "Empty until the guest agent in the machine answers; the next `terraform apply -refresh-only` asks again."
  value       = data.pve_vm.debian.ipv4_addresses
}
