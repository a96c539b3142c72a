terraform import pve_node_config.pve1 pve1
