terraform import pve_snapshot.before_upgrade 141/before-upgrade
