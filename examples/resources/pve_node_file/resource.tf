# More connections are tracked than the kernel allows by itself.
resource "pve_node_file" "conntrack" {
  node    = "pve1"
  path    = "/etc/sysctl.d/70-conntrack.conf"
  content = "net.netfilter.nf_conntrack_max = 1048576\n"
}
