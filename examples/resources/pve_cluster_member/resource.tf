# The third node joins the cluster that the other two are. Where the same configuration makes that cluster: depends_on = [pve_cluster.lab].
resource "pve_cluster_member" "pve3" {
  node      = "pve3"
  shut_down = true
}
