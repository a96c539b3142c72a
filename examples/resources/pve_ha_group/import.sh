terraform import pve_ha_group.web prefer-pve1
