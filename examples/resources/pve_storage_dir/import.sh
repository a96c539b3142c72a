terraform import pve_storage_dir.backup backup
