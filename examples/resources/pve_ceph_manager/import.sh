terraform import pve_ceph_manager.second pve2
