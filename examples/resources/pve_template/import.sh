terraform import pve_template.base 9000
