values {
  # Three hosts, and PVE sets nothing above 7.
  data_size     = [2, 7]
  metadata_size = [2, 7]
  # At most the size, which is 3 again by then.
  data_min_size       = [4, 1, 3]
  metadata_min_size   = [4, 1, 3]
  data_crush_rule     = ["replicated_rule", "no_such_rule"]
  metadata_crush_rule = ["replicated_rule", "no_such_rule"]
  data_pg_num         = [16, 64]
}
