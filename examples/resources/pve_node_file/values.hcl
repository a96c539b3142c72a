# Files are reached by SSH alone.
cluster = { ssh = true }

values {
  content = ["a = 1\n", ""]
  # Beside the example's content there is no other.
  content_wo = []
  owner      = ["www-data", "nobody"]
  group      = ["adm"]
  mode       = ["0600", "0640"]
}
