terraform import pve_ceph_cluster.this ceph
