terraform import pve_node_hosts.pve1 pve1
