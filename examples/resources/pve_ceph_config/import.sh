terraform import pve_ceph_config.backfills osd/class:ssd/osd_max_backfills
