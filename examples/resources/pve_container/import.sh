terraform import pve_container.proxy 141
