action "pve_notification_test" "alerts" {
  config {
    name = "mail-to-root"
  }
}

# Tried whenever it was changed.
resource "terraform_data" "alerts" {
  input = "you@example.com"

  lifecycle {
    action_trigger {
      events  = [after_create, after_update]
      actions = [action.pve_notification_test.alerts]
    }
  }
}
