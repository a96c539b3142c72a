terraform import pve_realm.pve pve
