terraform import pve_storage_iscsi.san san-luns
