terraform import pve_firewall_rules.pve1 node/pve1
