terraform import pve_group.admins admins
