terraform import pve_storage_zfs.store zfs-store
