# What cloud-init is told beside what PVE writes itself: `cicustom` of a machine names it. Snippets take SSH.
resource "pve_storage_file" "user_data" {
  node      = "pve1"
  storage   = "local"
  content   = "snippets"
  file_name = "web.yaml"
  data      = <<-EOT
    #cloud-config
    package_update: true
  EOT
}
