terraform import pve_token.ci 'root@pam/ci'
