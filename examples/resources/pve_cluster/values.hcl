# Nodes that have just been installed: none of them is in a cluster.
cluster = { name = "lab", nodes = [{ name = "pve1", single = true }, { name = "pve2", single = true }, { name = "pve3", single = true }] }

# PVE takes no cluster apart.
once        = true
left_behind = [""]

values {
  # PVE changes nothing about a cluster, and these are asked once: what is told later is not looked at.
  node  = ["pve2"]
  links = [{ "0" = { address = "10.0.0.1", priority = 10 } }]
}
