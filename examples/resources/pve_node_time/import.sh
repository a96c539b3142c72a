terraform import pve_node_time.pve1 pve1
