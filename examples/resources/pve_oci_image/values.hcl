values {
  node      = ["pve2"]
  storage   = []
  reference = ["docker.io/library/caddy:latest", "ghcr.io/a/b:1.28"]
  file_name = ["web", "web.tar"]
}
