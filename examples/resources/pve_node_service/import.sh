terraform import pve_node_service.rsync pve1/rsync.service
