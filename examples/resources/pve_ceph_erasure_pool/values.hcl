values {
  # With any other it is another pool, for which the first one goes before it is known whether the next has a place.
  k              = []
  m              = []
  failure_domain = []
  device_class   = []
  # At least k, at most both together.
  data_min_size = [3, 1, 4]
  data_pg_num   = [8, 32]
  # Three hosts, and PVE sets nothing above 7.
  metadata_size = [2, 7]
  # At most the size, which is 3 again by then.
  metadata_min_size   = [4, 1, 3]
  metadata_crush_rule = ["replicated_rule", "no_such_rule"]
}
