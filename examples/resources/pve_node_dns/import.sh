terraform import pve_node_dns.pve1 pve1
