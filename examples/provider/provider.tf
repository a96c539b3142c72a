terraform {
  required_providers {
    pve = {
      source = "homelab/pve"
    }
  }
}

# Secrets come from the environment: PVE_API_TOKEN, and PVE_USERNAME with PVE_PASSWORD for what only root may do.
provider "pve" {
  endpoints = {
    pve1 = "https://192.0.2.11:8006"
    pve2 = "https://192.0.2.12:8006"
    pve3 = "https://192.0.2.13:8006"
  }
  ca_file = "/etc/ssl/homelab-ca.pem"
}
