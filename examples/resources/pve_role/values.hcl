values {
  privs = [["VM.Audit", "VM.Console"]]
}
