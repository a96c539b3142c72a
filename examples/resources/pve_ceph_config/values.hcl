values {
  # The example's option counts.
  value = ["3", "many"]
}
