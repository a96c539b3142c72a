terraform import pve_oci_image.nginx pve1/local:vztmpl/nginx_1.29.tar
