terraform import pve_storage_nfs.iso nas-iso
