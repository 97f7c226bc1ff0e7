# root-shell: root's login shell, for the user that logged in
# No backslash and no single quote in here, since every login shell must read it alike.
if [ "$(id -u)" = 0 ]; then exec "${SHELL:-/bin/sh}" -l; fi
exec sudo -n -i
