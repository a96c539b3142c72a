data "pve_ceph_crush_rules" "all" {}

output "crush_rules_over_osds" {
  value = [for name, rule in data.pve_ceph_crush_rules.all.ceph_crush_rules : name if rule.failure_domain == "osd"]
}
