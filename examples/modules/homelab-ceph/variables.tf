variable "osds" {
  description = "The disks, or partitions of them, that Ceph gets: node => serial numbers. `pve_node_disks` lists them."
  type = map(list(object({
    serial             = string
    partition          = optional(number)
    wipe_if            = optional(set(string))
    crush_device_class = optional(string)
    encrypted          = optional(bool)
  })))

  validation {
    condition     = length(var.osds) > 0
    error_message = "Ceph needs disks."
  }
}

variable "monitors" {
  description = "Nodes that get a monitor, beside those that have one. An odd number in all; three survive the death of one."
  type        = set(string)
  default     = []
}

variable "managers" {
  description = "Nodes that get a manager, beside those that have one."
  type        = set(string)
  default     = []
}

variable "crush_rule" {
  description = "How copies are kept apart: each on an OSD of its own (`osd`), or each on a host of its own (`host`)."
  type = object({
    name           = optional(string, "homelab")
    failure_domain = optional(string, "osd")
    device_class   = optional(string)
  })
  default = {}
}

variable "pools" {
  description = "The pools: name => copies kept, copies that must be there for I/O to go on, and the storage on it (unset: `ceph-NAME`)."
  type = map(object({
    size     = optional(number, 5)
    min_size = optional(number, 3)
    storage  = optional(string)
    content  = optional(set(string), ["images", "rootdir"])
    krbd     = optional(bool)
  }))
  default = { vm = {} }
}

variable "allow_destroy" {
  description = "Must be true, and applied, before pools and OSDs may be destroyed."
  type        = bool
  default     = false
}
