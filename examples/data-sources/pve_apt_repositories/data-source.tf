data "pve_apt_repositories" "all" {}

output "sources" {
  value = keys(data.pve_apt_repositories.all.apt_repositories)
}
