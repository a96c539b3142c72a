terraform import pve_ha_rule_node_affinity.web web-on
