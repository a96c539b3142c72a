terraform import pve_storage_lvm.san san-disks
