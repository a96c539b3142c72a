data "pve_apt_standard_repositories" "all" {}

output "repositories" {
  value = [for key, repository in data.pve_apt_standard_repositories.all.apt_standard_repositories : key if repository.enabled]
}
