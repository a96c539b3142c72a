terraform import pve_storage_btrfs.data btrfs-data
