values {
  data = ["127.0.0.1 localhost\n10.0.0.1 pve1.lab.example pve1\n"]
}
