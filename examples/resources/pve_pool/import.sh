terraform import pve_pool.team team
