variable "nodes" {
  description = "The nodes by name: where each is reached, its address in the new network, and its public key (`wg pubkey`)."
  type = map(object({
    endpoint   = string
    address    = string
    public_key = string
  }))

  validation {
    condition     = alltrue([for node in var.nodes : can(cidrhost(node.address, 0))])
    error_message = "`address` is an address with the length of its network: 10.99.0.1/24."
  }

  validation {
    condition     = alltrue([for node in var.nodes : can(regex("^[A-Za-z0-9+/]{43}=$", node.public_key))])
    error_message = "`public_key` is a key of WireGuard in base64, with 44 characters."
  }
}

variable "private_keys" {
  description = "The nodes' private keys (`wg genkey`), by node. They are in the nodes' files and nowhere else: neither in the state nor in a plan."
  type        = map(string)
  sensitive   = true
  ephemeral   = true
}

variable "private_keys_version" {
  description = "Raised to have the private keys written again."
  type        = number
  default     = 1
}

variable "interface" {
  description = "The name of the network's interface on each node, of its files and of its service."
  type        = string
  default     = "wg-lan"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,14}$", var.interface))
    error_message = "At most 15 lower-case letters, digits and `-`, and a letter first."
  }
}

variable "port" {
  description = "The UDP port at which the nodes listen."
  type        = number
  default     = 51820
}

variable "keepalive" {
  description = "Seconds after which a silent node is heard of, so that routers in between keep the way open; 0: never."
  type        = number
  default     = 25
}

variable "mtu" {
  description = "The largest packet within: 80 bytes less than outside."
  type        = number
  default     = 1420
}

variable "install" {
  description = "What a node runs when it has no `wg-quick`."
  type        = string
  default     = "apt-get install -y --no-install-recommends wireguard-tools"
}
