# PVE's own realms stay as they are then.
left_behind = ["/access/realms/pve"]
