terraform import pve_acl.auditors '/vms/PVEAuditor/@auditors'
