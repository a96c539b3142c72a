terraform import pve_replication.web 101-0
