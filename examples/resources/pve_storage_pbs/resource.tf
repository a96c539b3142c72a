resource "pve_storage_pbs" "backup" {
  storage          = "pbs"
  server           = "pbs.example.com"
  datastore        = "store"
  namespace        = "homelab"
  username         = "backup@pbs!pve"
  password         = "11111111-2222-3333-4444-555555555555"
  password_version = 1
  fingerprint      = "00:07:0E:15:1C:23:2A:31:38:3F:46:4D:54:5B:62:69:70:77:7E:85:8C:93:9A:A1:A8:AF:B6:BD:C4:CB:D2:D9"

  prune_backups = {
    keep_all = true
  }
}
