data "pve_replications" "all" {}

output "replication_job_ids" {
  value = keys(data.pve_replications.all.replications)
}
