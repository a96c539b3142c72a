terraform import pve_realm_openid.home home
