# Thirty machines from one template, with names and addresses of their own. No `-parallelism` is needed: the provider lets as
# many clones begin at once as the storage takes.

terraform {
  required_providers {
    pve = { source = "homelab/pve" }
  }
}

provider "pve" {}

variable "template" {
  description = "The template's number. Its disks are shared with the clones, where its storage can do that."
  type        = number
  default     = 9000
}

variable "size" {
  description = "How many machines."
  type        = number
  default     = 30
}

locals {
  # The last part of each machine's address, by its name.
  workers = { for n in range(1, var.size + 1) : format("worker-%02d", n) => 100 + n }
}

resource "pve_vm" "worker" {
  for_each = local.workers

  name    = each.key
  clone   = { vmid = var.template }
  memory  = 1024
  tags    = ["fleet"]
  started = true

  cloud_init = {
    user      = "ops"
    ip_config = { net0 = { ip = "192.0.2.${each.value}/24", gw = "192.0.2.1" } }
  }

  allow_destroy = true
}

output "numbers" {
  value = { for name, vm in pve_vm.worker : name => vm.vmid }
}
