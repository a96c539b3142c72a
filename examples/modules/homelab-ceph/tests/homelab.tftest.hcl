# Three nodes of pve-sim with two disks each, and Ceph's monitors running:
#
#     pve-sim run --nodes 3 -- terraform test

variables {
  osds = {
    pve1 = [{ serial = "SIM0101" }, { serial = "SIM0102" }]
    pve2 = [{ serial = "SIM0201" }, { serial = "SIM0202" }]
    pve3 = [{ serial = "SIM0301" }, { serial = "SIM0302", crush_device_class = "nvme" }]
  }
  allow_destroy = true
}

run "five_copies_on_three_nodes" {
  assert {
    condition     = length(output.osds) == 6 && length(distinct(values(output.osds))) == 6
    error_message = "Six disks, six OSDs: ${jsonencode(output.osds)}"
  }

  assert {
    condition     = pve_ceph_pool.this["vm"].size == 5 && pve_ceph_pool.this["vm"].min_size == 3
    error_message = "Five copies, three of which must be there."
  }

  assert {
    condition     = output.storages == { vm = "ceph-vm" }
    error_message = "The pool's storage: ${jsonencode(output.storages)}"
  }
}

run "a_second_pool_comes_beside_it" {
  variables {
    pools = { vm = {}, scratch = { size = 2, min_size = 2, storage = "scratch", content = ["images"] } }
  }

  assert {
    condition     = output.storages == { vm = "ceph-vm", scratch = "scratch" }
    error_message = "Both pools have a storage: ${jsonencode(output.storages)}"
  }
}

run "nothing_is_left_to_do" {
  command = plan

  variables {
    pools = { vm = {}, scratch = { size = 2, min_size = 2, storage = "scratch", content = ["images"] } }
  }

  assert {
    condition     = alltrue([for pool in pve_ceph_pool.this : pool.ready]) && alltrue([for osd in pve_ceph_osd.this : osd.ready])
    error_message = "Something is not complete."
  }
}

run "without_a_disk_nothing_is_planned" {
  command = plan

  variables {
    osds = {}
  }

  expect_failures = [var.osds]
}
