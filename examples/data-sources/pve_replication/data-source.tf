data "pve_replication" "web" {
  id = "101-0"
}

output "copies_are_on" {
  value = data.pve_replication.web.target
}
