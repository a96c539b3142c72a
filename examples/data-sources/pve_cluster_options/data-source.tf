data "pve_cluster_options" "this" {
  id = "cluster"
}

output "migration_network" {
  value = data.pve_cluster_options.this.migration.network
}
