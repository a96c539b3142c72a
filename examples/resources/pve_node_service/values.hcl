# Services are reached by SSH alone.
cluster = { ssh = true }

# How the unit was before it was taken over is in the state, and in the journal until it is there.
left_when_forgotten = ["/nodes/0/units"]

values {
  enabled      = [false]
  running      = [false]
  restarted_by = [{ config = "1" }, { config = "2", more = "x" }]
}
