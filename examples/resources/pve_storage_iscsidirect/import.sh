terraform import pve_storage_iscsidirect.san san-direct
