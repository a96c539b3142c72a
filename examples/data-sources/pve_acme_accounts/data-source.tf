data "pve_acme_accounts" "all" {}

output "acme_account_names" {
  value = keys(data.pve_acme_accounts.all.acme_accounts)
}
