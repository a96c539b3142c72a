terraform import pve_cluster_member.pve3 pve3
