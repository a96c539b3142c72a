resource "pve_cluster" "this" {
  name = var.cluster
  node = var.founder
}

# One after the other, whatever the graph allows. What a node has in /etc/pve is lost then: the plan tells what that is.
resource "pve_cluster_member" "other" {
  for_each = var.members

  node     = each.key
  password = var.root_password

  # Destroying it takes a node that is off: switched off, and with nothing on it any more, it leaves.
  shut_down = var.allow_destroy

  depends_on = [pve_cluster.this]

  lifecycle {
    postcondition {
      condition     = self.ready
      error_message = "The node has not arrived in the cluster yet; apply again to carry on."
    }
  }
}

# Once it has joined, a node shows another certificate.
data "pve_nodes" "all" {
  depends_on = [pve_cluster_member.other]
}

output "fingerprints" {
  description = "For PVE_FINGERPRINTS, from now on."
  value       = join(",", [for name, node in data.pve_nodes.all.nodes : "${name}=${node.ssl_fingerprint}"])
}

# Without a subscription, packages come from here.
resource "pve_apt_standard_repository" "enterprise" {
  for_each = local.nodes

  node    = each.key
  handle  = "enterprise"
  enabled = false

  depends_on = [pve_cluster_member.other]
}

resource "pve_apt_standard_repository" "packages" {
  for_each = local.nodes

  node   = each.key
  handle = "no-subscription"

  depends_on = [pve_cluster_member.other]
}
