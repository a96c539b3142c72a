variable "upid" {
  type    = string
  default = "UPID:pve1:0000291F:00070B18:6B032D7F:qmmove:100:root@pam:"
}

# terraform apply -invoke=action.pve_task_stop.this -var upid=...
action "pve_task_stop" "this" {
  config {
    upid = var.upid
  }
}
