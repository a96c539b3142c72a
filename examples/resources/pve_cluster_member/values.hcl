# Two are a cluster, and the third has just been installed.
cluster = { name = "lab", nodes = [{ name = "pve1" }, { name = "pve2" }, { name = "pve3", single = true }] }

# It is off, and no member of anything.
once        = true
left_behind = [""]

values {
  # Who joins already is asked for none of these.
  endpoint    = ["https://192.0.2.13:8006"]
  fingerprint = ["AA:BB"]
  links       = [{ "0" = { address = "10.0.0.3", priority = 10 } }]
}
