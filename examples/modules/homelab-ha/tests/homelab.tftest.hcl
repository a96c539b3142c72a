# A machine on local storage, and Ceph's monitors running:
#
#     pve-sim run --nodes 3 --guest 101:2G -- terraform test

run "a_storage_on_ceph" {
  module {
    source = "../homelab-ceph"
  }

  variables {
    osds = {
      pve1 = [{ serial = "SIM0101" }, { serial = "SIM0102" }]
      pve2 = [{ serial = "SIM0201" }, { serial = "SIM0202" }]
      pve3 = [{ serial = "SIM0301" }, { serial = "SIM0302" }]
    }
    allow_destroy = true
  }
}

run "the_machine_is_under_ha" {
  variables {
    storage = run.a_storage_on_ceph.storages["vm"]
    guests  = { db = { vmid = 101 } }
  }

  assert {
    condition     = startswith(output.volumes["db-scsi0"], "ceph-vm:")
    error_message = "The disk is at ${output.volumes["db-scsi0"]}."
  }

  assert {
    condition     = output.guests == { db = "vm:101" }
    error_message = "HA does not have it: ${jsonencode(output.guests)}"
  }
}

run "another_limit_in_place" {
  variables {
    storage = run.a_storage_on_ceph.storages["vm"]
    guests  = { db = { vmid = 101, max_relocate = 2, comment = "the database" } }
  }

  assert {
    condition     = pve_ha_resource.this["db"].max_relocate == 2
    error_message = "The limit is as before."
  }
}

# On the way down: out of HA, and then back to where the disk was, since the pool goes with the test.
run "out_of_ha" {
  variables {
    storage = run.a_storage_on_ceph.storages["vm"]
    guests  = {}
  }

  assert {
    condition     = length(output.guests) == 0
    error_message = "HA still has it."
  }
}

run "and_back" {
  module {
    source = "./tests/back"
  }

  variables {
    vmid    = 101
    disk    = "scsi0"
    storage = "local-lvm"
  }

  assert {
    condition     = startswith(pve_vm_disk_move.back.volume, "local-lvm:")
    error_message = "The disk is at ${pve_vm_disk_move.back.volume}."
  }
}
