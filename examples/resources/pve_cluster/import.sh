terraform import pve_cluster.lab lab
