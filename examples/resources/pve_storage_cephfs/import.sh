terraform import pve_storage_cephfs.files ceph-files
