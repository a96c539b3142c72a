data "pve_realm_sync_job" "staff" {
  id = "staff-nightly"
}

output "sync_schedule" {
  value = data.pve_realm_sync_job.staff.schedule
}
