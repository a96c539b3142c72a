# "2026-11-22T17:59:27Z"
output "started" {
  value = provider::pve::upid("UPID:pve1:0000291F:00070B18:6B032D7F:qmdestroy:200:root@pam:").started
}
