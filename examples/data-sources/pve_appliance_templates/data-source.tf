# The newest of Debian's, whatever its version is by now.
data "pve_appliance_templates" "system" {
  section = "system"
}

output "debian" {
  value = [for name, template in data.pve_appliance_templates.system.templates : name if template.os == "debian-13"]
}
