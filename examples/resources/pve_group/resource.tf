resource "pve_group" "admins" {
  groupid = "admins"
  comment = "Those who may do everything with machines"
}
