# Services are reached by SSH alone.
cluster = { ssh = true }

values {
  enabled      = [false]
  running      = [false]
  restarted_by = [{ config = "1" }, { config = "2", more = "x" }]
}
