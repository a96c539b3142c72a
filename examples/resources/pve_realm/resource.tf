resource "pve_realm" "pve" {
  realm   = "pve"
  comment = "Users of this cluster"
}
