data "pve_backup_job" "nightly" {
  id = "nightly"
}

output "backup_schedule" {
  value = data.pve_backup_job.nightly.schedule
}
