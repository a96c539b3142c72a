terraform import pve_ceph_crush_rule.osd osd
