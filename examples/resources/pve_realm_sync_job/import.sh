terraform import pve_realm_sync_job.staff staff-nightly
