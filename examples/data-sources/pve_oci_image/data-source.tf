data "pve_oci_image" "nginx" {
  node  = "pve1"
  volid = "local:vztmpl/nginx_1.29.tar"
}

output "bytes" {
  value = data.pve_oci_image.nginx.size
}
