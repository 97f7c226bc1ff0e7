# stop-unit.sh UNIT [SECONDS]
# Stops a unit, or all that a pattern means, and keeps it from starting at boot. Exit 3 when there is none. What does not stop within SECONDS is killed.
systemctl cat -- "$1" >/dev/null 2>&1 || exit 3
# Only where it does anything: it has systemd read all its units again.
case $(systemctl is-enabled "$1" 2>/dev/null) in enabled*) systemctl disable -q "$1" 2>/dev/null ;; esac
if [ -n "${2-}" ]; then
	timeout "$2" systemctl stop "$1" || systemctl kill -s KILL "$1"
fi
systemctl stop "$1" || exit
systemctl reset-failed "$1" 2>/dev/null || true
