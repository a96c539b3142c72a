# nginx, for containers to be made from: the file is called nginx_1.29.tar.
resource "pve_oci_image" "nginx" {
  node      = "pve1"
  storage   = "local"
  reference = "docker.io/library/nginx:1.29"
}
