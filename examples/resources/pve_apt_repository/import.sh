terraform import pve_apt_repository.debian pve1/debian.sources/trixie/main/http://deb.debian.org/debian
