# stop-unit.sh UNIT
# Stops a unit and keeps it from starting at boot; one that is not there counts as stopped.
systemctl cat -- "$1" >/dev/null 2>&1 || exit 0
systemctl disable -q "$1" 2>/dev/null
exec systemctl stop "$1"
