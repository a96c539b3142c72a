terraform import pve_storage_file.user_data pve1/local:snippets/web.yaml
