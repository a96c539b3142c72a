data "pve_backup_jobs" "all" {}

output "backup_job_ids" {
  value = keys(data.pve_backup_jobs.all.backup_jobs)
}
