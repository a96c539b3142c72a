resource "pve_cluster_options" "this" {
  keyboard = "de"
  migration = {
    type    = "secure"
    network = "192.0.2.0/24"
  }
  ha = {
    shutdown_policy = "migrate"
  }
}
