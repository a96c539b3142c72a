output "sites" {
  description = "The addresses that the world has."
  value       = [for host in keys(var.sites) : "https://${host}${var.server.https == 443 ? "" : ":${var.server.https}"}/"]
}

output "guests" {
  description = "The guests, as HA names them."
  value       = local.guests
}

output "vmids" {
  description = "Their numbers: `caddy` and `frpc`, or `machine`."
  value       = var.how == "vm" ? { machine = pve_vm.this[0].vmid } : { for name, guest in pve_container.this : name => guest.vmid }
}

output "frps" {
  description = "What the server's frps.toml has to say at least."
  sensitive   = true
  value       = <<-EOT
    bindPort = ${var.server.port}
    auth.method = "token"
    auth.token = ${jsonencode(var.token)}
    allowPorts = [{ single = ${var.server.http} }, { single = ${var.server.https} }]
  EOT
}
