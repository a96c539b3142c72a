values {
  name        = ["after-upgrade", "1st"]
  description = ["Release 8", "  "]
}
