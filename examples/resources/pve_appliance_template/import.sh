terraform import pve_appliance_template.debian pve1/local:vztmpl/debian-13-standard_13.1-2_amd64.tar.zst
