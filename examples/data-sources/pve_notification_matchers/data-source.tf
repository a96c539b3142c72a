data "pve_notification_matchers" "all" {}

output "matcher_names" {
  value = keys(data.pve_notification_matchers.all.notification_matchers)
}
