resource "pve_pool" "builders" {
  poolid = "builders"
}

resource "pve_pool_member" "builders_local" {
  poolid = pve_pool.builders.poolid
  member = "local"
}
