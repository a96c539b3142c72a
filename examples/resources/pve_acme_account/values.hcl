# PVE keeps the file of an account that was deactivated.
left_behind = ["/acme/deactivated"]

values {
  contact = [["ops@example.com"], ["admin@example.com", "ops@example.com"]]
  # Another name is another account, and the old one has to be allowed to go by then.
  name = []
  # Another authority has other terms.
  directory = []
  tos_url   = []
  # An authority that asks for no key knows none.
  eab_kid      = []
  eab_hmac_key = []
}
