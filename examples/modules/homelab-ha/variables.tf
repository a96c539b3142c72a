variable "storage" {
  description = "A storage that all nodes share."
  type        = string
}

variable "guests" {
  description = "The virtual machines: a name for each => its number, its disks, and what HA does for it."
  type = map(object({
    vmid         = number
    disks        = optional(set(string), ["scsi0"])
    state        = optional(string, "started")
    max_restart  = optional(number, 2)
    max_relocate = optional(number, 1)
    comment      = optional(string)
  }))
}

variable "delete_source" {
  description = "Whether the old volume goes when the copy is complete."
  type        = bool
  default     = true
}

variable "bandwidth_limit" {
  description = "The most that a move may take of the network, a second: `10MiB/s`."
  type        = string
  default     = null
}

variable "detach_after" {
  description = "Ends the watch of a move after this time; the move goes on, the apply says so, and the next one takes it up again."
  type        = string
  default     = null
}
