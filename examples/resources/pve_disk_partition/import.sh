terraform import pve_disk_partition.osd pve1/S5GX09/osd-system
