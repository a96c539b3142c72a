data "pve_acme_account" "internal" {
  name = "internal"
}

output "acme_account_status" {
  value = data.pve_acme_account.internal.status
}
