terraform import pve_storage_esxi.old esxi-old
