data "pve_oci_tags" "nginx" {
  reference = "docker.io/library/nginx"
}

output "tags" {
  value = data.pve_oci_tags.nginx.tags
}
