# Nodes of which `home.yaml` beside this tells pve-sim, with a registry that has the images:
#
#     pve-sim run --cluster tests/home.yaml --web '*=127.0.0.1:5000' -- terraform test

variables {
  server  = { address = "198.51.100.9" }
  token   = "0123456789abcdef0123456789abcdef"
  sites   = { "cloud.example.org" = "192.168.1.20:8080", "git.example.org" = "192.168.1.21:3000" }
  node    = "pve1"
  storage = "local-lvm"
  network = { gateway = "192.168.1.1", caddy = "192.168.1.40/24", frpc = "192.168.1.41/24" }
  images  = { frpc = "registry.example.org/tunnel/frpc:1.29", caddy = "docker.io/library/caddy:1.29" }

  allow_destroy = true
}

run "two_containers" {
  assert {
    condition     = output.sites == ["https://cloud.example.org/", "https://git.example.org/"]
    error_message = "The world has ${jsonencode(output.sites)}."
  }

  assert {
    condition     = alltrue([for guest in pve_container.this : guest.ready && guest.started])
    error_message = "One of them does not run."
  }

  # The image has words of its own for both; ours hold.
  assert {
    condition     = strcontains(pve_container.this["caddy"].env["CADDY_CONFIG"], "192.168.1.20:8080")
    error_message = "Caddy does not know where the service is."
  }

  assert {
    condition     = strcontains(pve_container.this["caddy"].env["CADDY_CONFIG"], "192.168.1.41/32")
    error_message = "Caddy believes everybody who says who asks."
  }

  assert {
    condition     = strcontains(pve_container.this["frpc"].entrypoint, "exec frpc")
    error_message = "It begins with ${pve_container.this["frpc"].entrypoint}."
  }

  assert {
    condition     = strcontains(nonsensitive(output.frps), "allowPorts = [{ single = 80 }, { single = 443 }]")
    error_message = "The server is told something else."
  }
}

run "one_more_site_changes_caddy_alone" {
  variables {
    sites = { "cloud.example.org" = "192.168.1.20:8080", "photos.example.org" = "192.168.1.22:2342" }
  }

  assert {
    condition     = pve_container.this["caddy"].vmid == run.two_containers.vmids["caddy"]
    error_message = "The container was made anew."
  }

  assert {
    condition     = strcontains(pve_container.this["caddy"].env["CADDY_CONFIG"], "photos.example.org")
    error_message = "Caddy does not know the new one."
  }
}

run "a_machine_in_their_place" {
  variables {
    how     = "vm"
    network = { gateway = "192.168.1.1", caddy = "192.168.1.40/24" }
    machine = {
      image = "local:import/debian-13.qcow2"
      frp   = { url = "https://downloads.example.org/frp.tar.gz", sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" }
      caddy = { url = "https://downloads.example.org/caddy.tar.gz", sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" }
    }
  }

  assert {
    condition     = pve_vm.this[0].ready && pve_vm.this[0].cloud_init.custom.user == "local:snippets/tunnel-user.yaml"
    error_message = "The machine is told something else."
  }

  assert {
    condition     = pve_node_file.setup[0].content == null
    error_message = "The token stands in the state."
  }

  assert {
    condition     = length(pve_container.this) == 0
    error_message = "The containers are still there."
  }
}

run "a_service_without_a_port" {
  command = plan

  variables {
    sites = { "cloud.example.org" = "192.168.1.20" }
  }

  expect_failures = [var.sites]
}
