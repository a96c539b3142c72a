values {
  timezone = ["Europe/Vienna"]
}
