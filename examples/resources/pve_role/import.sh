terraform import pve_role.backup Backup
