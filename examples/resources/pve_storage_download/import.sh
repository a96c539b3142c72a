terraform import pve_storage_download.debian pve1/local:import/debian-13.qcow2
