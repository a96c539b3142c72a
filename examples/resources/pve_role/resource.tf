resource "pve_role" "backup" {
  roleid = "Backup"
  privs  = ["Datastore.AllocateSpace", "Datastore.Audit", "VM.Audit", "VM.Backup"]
}
