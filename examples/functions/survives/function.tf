variable "copies" {
  type    = object({ size = number, min_size = number, per_host = list(number) })
  default = { size = 5, min_size = 3, per_host = [2, 2, 1] }
}

# Refused before anything is planned, unless I/O goes on when one host dies.
resource "terraform_data" "durable" {
  lifecycle {
    precondition {
      condition     = provider::pve::survives(var.copies.size, var.copies.min_size, var.copies.per_host)
      error_message = "The death of one host would stop the pool."
    }
  }
}
