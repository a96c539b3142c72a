values {
  # Three hosts: one copy is refused without `allow_single_copy`, seven have no place.
  size = [1, 2, 7]
  # At most `size`, which is 3 again by then.
  min_size = [4, 1, 3]
  # One that exists, and one that does not.
  crush_rule = ["replicated_rule", "no_such_rule"]
  # Ceph allows so many placement groups an OSD, and wants a power of two.
  pg_num     = [16, 64]
  pg_num_min = [16, 64]
  # What PVE can say, and only of a pool that is used for nothing; and what it cannot.
  application = ["rbd", "something"]
  # A share.
  target_size_ratio = [0.25, 0.5]
}
