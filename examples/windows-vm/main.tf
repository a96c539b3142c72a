# A machine for Windows 11: UEFI with Secure Boot, a TPM, disk and network by virtio, and two CD-ROM drives, one with the
# installer and one with the drivers that it needs.

terraform {
  required_providers {
    pve = {
      source = "homelab/pve"
    }
  }
}

# Endpoints and credentials come from the environment (PVE_ENDPOINTS, PVE_USERNAME, ...).
provider "pve" {}

variable "storage" {
  description = "Where its disks lie."
  type        = string
  default     = "local-lvm"
}

variable "installer" {
  description = "The ISO image of Windows."
  type        = string
  default     = "local:iso/windows-11.iso"
}

variable "drivers" {
  description = "The ISO image with the virtio drivers for Windows."
  type        = string
  default     = "local:iso/virtio-win.iso"
}

variable "installed" {
  description = "Whether Windows is there: both drives are empty from then on."
  type        = bool
  default     = false
}

variable "allow_destroy" {
  description = "Must be true, and applied, before `terraform destroy` may take the machine away."
  type        = bool
  default     = false
}

resource "pve_vm" "windows" {
  name    = "windows"
  os_type = "win11"

  machine       = "q35"
  bios          = "ovmf"
  cores         = 4
  cpu           = "x86-64-v2-AES"
  memory        = 8192
  scsi_hardware = "virtio-scsi-single"

  efi_disk  = { storage = var.storage, type = "4m", pre_enrolled_keys = true }
  tpm_state = { storage = var.storage, version = "v2.0" }

  disks = {
    scsi0 = { size = "64G", initial_storage = var.storage, discard = true, iothread = true, ssd = true }
  }

  cdroms = {
    ide0 = { file = var.installed ? "none" : var.drivers }
    ide2 = { file = var.installed ? "none" : var.installer }
  }

  networks = {
    net0 = { bridge = "vmbr0", model = "virtio" }
  }

  boot_order = ["scsi0", "ide2"]
  agent      = { enabled = true }
  started    = true

  allow_destroy = var.allow_destroy
}

output "vmid" {
  value = pve_vm.windows.vmid
}
