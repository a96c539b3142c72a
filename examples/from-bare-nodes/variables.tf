variable "founder" {
  description = "The node on which the cluster is made. It keeps its guests; a node that joins must have none."
  type        = string
}

variable "members" {
  description = "The nodes that join it."
  type        = set(string)
}

variable "cluster" {
  description = "The cluster's name."
  type        = string
  default     = "homelab"
}

variable "root_password" {
  description = "The password of root@pam on the founder, which the others ask it with."
  type        = string
  sensitive   = true
  ephemeral   = true
}

variable "ceph" {
  description = "Ceph's release, where its packages come from, and its network. A virtual LAN is a good place for it."
  type        = object({ release = string, repository = string, network = string })
  default     = { release = "tentacle", repository = "no-subscription", network = "10.0.0.0/24" }
}

variable "osd_disks" {
  description = "The disks to give to Ceph: node => serial numbers. `pve_node_disks` lists them."
  type        = map(list(string))
}

variable "copies" {
  description = "Copies kept of everything, and how many must be there for I/O to go on."
  type        = object({ size = number, min_size = number })
  default     = { size = 5, min_size = 3 }
}

variable "vmid" {
  description = "A virtual machine that the founder has already, on local storage."
  type        = number
  default     = 101
}

variable "max_relocate" {
  description = "How many other nodes HA tries before it gives up."
  type        = number
  default     = 1
}

variable "login" {
  description = "Who vouches for people: an OpenID Connect provider."
  type        = object({ issuer = string, client = string })
  default     = { issuer = "https://login.example.com/realms/home", client = "proxmox" }
}

variable "alerts" {
  description = "Where it is told that a node was fenced."
  type        = string
  default     = "https://chat.example.com/hooks/homelab"
}

variable "allow_destroy" {
  description = "Must be true, and applied, before `terraform destroy` may take away what holds data."
  type        = bool
  default     = false
}
