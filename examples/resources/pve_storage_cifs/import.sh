terraform import pve_storage_cifs.backup share-backup
