values {
  # A change of either replaces it.
  type   = ["room", "no_such_level"]
  parent = ["default", "no_such_bucket"]
  hosts  = [["pve1", "pve3"], [], ["no_such_host"]]
}
