data "pve_snapshots" "all" {}

output "with_memory" {
  value = [for id, snapshot in data.pve_snapshots.all.snapshots : id if snapshot.has_memory]
}
