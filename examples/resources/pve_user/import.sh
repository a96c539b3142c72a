terraform import pve_user.joe 'joe@pve'
