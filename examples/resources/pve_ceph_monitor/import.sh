terraform import pve_ceph_monitor.second pve2
