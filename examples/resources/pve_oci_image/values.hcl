values {
  node      = ["pve2"]
  storage   = []
  # Another one is another image.
  reference = []
  file_name = ["web", "web.tar"]
}
