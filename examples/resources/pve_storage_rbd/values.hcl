values {
  # A pool for the chunks of what the first one names; there is no erasure coded one here.
  data_pool = []
  # What such a storage can hold.
  content = [["rootdir"], ["images", "rootdir"], ["iso"]]
  nodes   = [["pve1"], ["pve1", "pve2"]]
}
