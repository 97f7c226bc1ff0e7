# stop-unit.sh UNIT
# Stops a unit and keeps it from starting at boot; one that is not there counts as stopped.
systemctl cat -- "$1" >/dev/null 2>&1 || exit 0
# Only where it does anything: it has systemd read all its units again.
case $(systemctl is-enabled "$1" 2>/dev/null) in enabled*) systemctl disable -q "$1" 2>/dev/null ;; esac
exec systemctl stop "$1"
