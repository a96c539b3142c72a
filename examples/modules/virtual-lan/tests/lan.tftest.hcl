# Nodes that are reached by SSH, of which `lan.yaml` beside this tells pve-sim:
#
#     pve-sim run --cluster tests/lan.yaml -- terraform test

variables {
  nodes = {
    pve1 = { endpoint = "192.0.2.11", address = "10.99.0.1/24", public_key = "1AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" }
    pve2 = { endpoint = "198.51.100.7", address = "10.99.0.2/24", public_key = "2AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" }
    pve3 = { endpoint = "2001:db8::3", address = "10.99.0.3/24", public_key = "3AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" }
  }
  private_keys = {
    pve1 = "private-1"
    pve2 = "private-2"
    pve3 = "private-3"
  }
}

run "a_network_between_all" {
  assert {
    condition     = output.addresses == { pve1 = "10.99.0.1", pve2 = "10.99.0.2", pve3 = "10.99.0.3" }
    error_message = "The nodes have ${jsonencode(output.addresses)}."
  }

  assert {
    condition     = join(" ", output.networks) == "10.99.0.0/24"
    error_message = "The networks are ${jsonencode(output.networks)}."
  }

  assert {
    condition     = alltrue([for service in pve_node_service.this : service.running && service.enabled])
    error_message = "It does not run everywhere."
  }

  assert {
    condition     = strcontains(pve_node_file.configuration["pve1"].content, "Endpoint = [2001:db8::3]:51820")
    error_message = "The first node does not know the third: ${pve_node_file.configuration["pve1"].content}"
  }

  assert {
    condition     = !strcontains(pve_node_file.configuration["pve1"].content, "PublicKey = 1")
    error_message = "A node is its own peer."
  }

  assert {
    condition     = pve_node_file.key["pve1"].mode == "0600" && pve_node_file.key["pve1"].content == null
    error_message = "Others may read the key."
  }
}

run "new_keys_and_another_port" {
  variables {
    port                 = 51821
    private_keys_version = 2
  }

  assert {
    condition     = strcontains(pve_node_file.configuration["pve2"].content, "Endpoint = 192.0.2.11:51821")
    error_message = "The port is as before."
  }
}

run "one_node_leaves" {
  variables {
    nodes = {
      pve1 = { endpoint = "192.0.2.11", address = "10.99.0.1/24", public_key = "1AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" }
      pve2 = { endpoint = "198.51.100.7", address = "10.99.0.2/24", public_key = "2AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" }
    }
  }

  assert {
    condition     = keys(output.addresses) == ["pve1", "pve2"]
    error_message = "It has ${jsonencode(output.addresses)}."
  }
}

run "an_address_without_its_network" {
  command = plan

  variables {
    nodes = {
      pve1 = { endpoint = "192.0.2.11", address = "10.99.0.1", public_key = "1AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" }
    }
  }

  expect_failures = [var.nodes]
}
