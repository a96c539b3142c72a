values {
  # Of the example's: one goes, one is changed, one stays, and one comes.
  rules = [[
    { type = "in", action = "ACCEPT", proto = "tcp", dport = "8007" },
    { type = "in", action = "DROP", log = "info" },
    { type = "out", action = "ACCEPT", proto = "udp", dport = "53" },
  ]]
}
