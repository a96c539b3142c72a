terraform import pve_ceph_osd.one 0
