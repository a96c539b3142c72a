data "pve_ceph_crush_rule" "osd" {
  name = "osd"
}

output "crush_rule_failure_domain" {
  value = data.pve_ceph_crush_rule.osd.failure_domain
}
