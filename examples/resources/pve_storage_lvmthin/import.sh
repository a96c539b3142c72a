terraform import pve_storage_lvmthin.fast thin-fast
