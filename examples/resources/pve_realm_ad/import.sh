terraform import pve_realm_ad.office office
