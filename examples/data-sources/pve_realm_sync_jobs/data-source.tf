data "pve_realm_sync_jobs" "all" {}

output "sync_job_ids" {
  value = keys(data.pve_realm_sync_jobs.all.realm_sync_jobs)
}
