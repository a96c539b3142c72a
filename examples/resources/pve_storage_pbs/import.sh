terraform import pve_storage_pbs.backup pbs
