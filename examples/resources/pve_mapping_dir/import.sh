terraform import pve_mapping_dir.share share
