variable "name" {
  description = "What the guests are called, each with its part added: NAME-frpc, NAME-caddy."
  type        = string
  default     = "tunnel"

  validation {
    condition     = can(regex("^[a-z]([a-z0-9-]{0,40}[a-z0-9])?$", var.name))
    error_message = "Lower-case letters, digits and `-`, a letter first: it becomes a host name."
  }
}

variable "how" {
  description = "`containers`: two OCI containers, by PVE's API alone. `vm`: one machine from a cloud image, set up by cloud-init; takes the provider's `ssh` for a snippet."
  type        = string
  default     = "containers"

  validation {
    condition     = contains(["containers", "vm"], var.how)
    error_message = "`containers` or `vm`."
  }
}

variable "server" {
  description = "Where frps listens: the address that the world sees, its port, and the ports that it takes for us."
  type = object({
    address = string
    port    = optional(number, 7000)
    http    = optional(number, 80)
    https   = optional(number, 443)
  })
}

variable "token" {
  description = "What frpc shows to frps. It stands in the guests' configuration, which whoever may change their options can read."
  type        = string
  sensitive   = true

  validation {
    condition     = length(var.token) >= 16
    error_message = "At least 16 characters: `openssl rand -hex 24` makes a good one."
  }
}

variable "token_version" {
  description = "Raised with another token: the machine is made anew with it. Containers see it by themselves."
  type        = number
  default     = 1
}

variable "sites" {
  description = "Host name => where the service listens at home, as ADDRESS:PORT. Caddy gets the certificates."
  type        = map(string)

  validation {
    condition     = length(var.sites) > 0 && alltrue([for upstream in var.sites : can(regex("^(\\[[0-9a-f:]+\\]|[A-Za-z0-9.-]+):[0-9]{1,5}$", upstream))])
    error_message = "At least one, each with a service as ADDRESS:PORT, such as 192.168.1.20:8080."
  }
}

variable "node" {
  description = "The node that the guests are made on."
  type        = string
}

variable "storage" {
  description = "The storage for their disks; one that all nodes share if HA is to start them elsewhere."
  type        = string
}

variable "network" {
  description = "Their place in the network: the bridge, the gateway, and an address with the length of its network for each container. The machine has that of Caddy."
  type = object({
    bridge  = optional(string, "vmbr0")
    tag     = optional(number)
    gateway = string
    caddy   = string
    frpc    = optional(string)
  })

  validation {
    condition     = can(cidrhost(var.network.caddy, 0)) && (var.how != "containers" || can(cidrhost(var.network.frpc, 0)))
    error_message = "`caddy`, and for containers `frpc`, are addresses with the length of their network: 192.168.1.40/24."
  }
}

variable "images" {
  description = "Containers: the images, with their tags, and the storage that holds them."
  type = object({
    frpc    = optional(string, "ghcr.io/fatedier/frpc:v0.65.0")
    caddy   = optional(string, "docker.io/library/caddy:2.10.0")
    storage = optional(string, "local")
  })
  default = {}
}

variable "machine" {
  description = "Machine: the volume of a Debian cloud image (content `import`), the archives of frp and Caddy with their SHA-256 (both for the machine's architecture), the folder of snippets on the node and its storage, and keys for its user."
  type = object({
    image    = string
    frp      = object({ url = string, sha256 = string })
    caddy    = object({ url = string, sha256 = string })
    snippets = optional(object({ storage = string, path = string }), { storage = "local", path = "/var/lib/vz/snippets" })
    ssh_keys = optional(set(string), [])
  })
  default = null

  validation {
    condition     = var.how != "vm" || var.machine != null
    error_message = "With `how = \"vm\"` this says what the machine is made from."
  }
}

variable "ha" {
  description = "Whether HA keeps them running."
  type        = bool
  default     = false
}

variable "allow_destroy" {
  description = "Must be true, and applied, before the guests may be destroyed with their disks: certificates are ordered anew then, and authorities limit how often."
  type        = bool
  default     = false
}
