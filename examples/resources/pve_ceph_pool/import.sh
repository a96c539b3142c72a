terraform import pve_ceph_pool.vm vm
