terraform import pve_storage_zfspool.tank zfs-data
