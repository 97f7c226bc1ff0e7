# launch BOOT CONNECTION: runs BOOT by sh as root, under the name CONNECTION. Exits with 92 when there is no sudo; sudo
# exits with 1 when it refuses.
# No single quote and no backslash in here or in boot.sh, since every login shell must read them alike.
if [ "$(id -u)" = 0 ]; then exec /bin/sh -c "$1" "$2"; fi
command -v sudo >/dev/null 2>&1 || exit 92
exec sudo -n /bin/sh -c "$1" "$2"
