values {
  # Three hosts: four chunks have no place.
  k = [2, 3]
  m = [1, 2]
  # By hosts there are three, by OSDs more.
  failure_domain = ["osd", "no_such_level"]
  device_class   = ["ssd", "no_such_class"]
  # At least k, at most both together.
  data_min_size = [3, 1, 4]
  data_pg_num   = [8, 32]
  # Three hosts, and PVE sets nothing above 7.
  metadata_size = [2, 7]
  # At most the size, which is 3 again by then.
  metadata_min_size   = [4, 1, 3]
  metadata_crush_rule = ["replicated_rule", "no_such_rule"]
}
