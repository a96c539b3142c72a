# Before the disk is pulled: terraform apply -invoke=action.pve_osd_state.out
action "pve_osd_state" "out" {
  config {
    osd_id    = 1
    operation = "out"
  }
}
