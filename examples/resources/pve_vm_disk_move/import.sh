terraform import pve_vm_disk_move.db 132/scsi0
