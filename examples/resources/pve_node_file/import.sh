terraform import pve_node_file.conntrack pve1//etc/sysctl.d/70-conntrack.conf
