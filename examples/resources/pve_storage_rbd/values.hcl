values {
  # What such a storage can hold.
  content = [["rootdir"], ["images", "rootdir"], ["iso"]]
  nodes   = [["pve1"], ["pve1", "pve2"]]
}
