terraform import pve_storage_rbd.vm ceph-vm
