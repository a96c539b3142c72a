terraform import pve_ceph_install.first pve1
