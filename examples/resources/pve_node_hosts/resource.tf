resource "pve_node_hosts" "pve1" {
  node = "pve1"
  data = <<-EOT
    127.0.0.1 localhost.localdomain localhost
    10.0.0.1 pve1.lab.example pve1
    10.0.0.2 pve2.lab.example pve2
    10.0.0.3 pve3.lab.example pve3
  EOT
}
