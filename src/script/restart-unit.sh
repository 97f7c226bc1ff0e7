# restart-unit.sh UNIT
# Restarts a unit. When it does not start again, its last log lines are on stderr.
systemctl reset-failed "$1" 2>/dev/null
systemctl restart "$1" && exit 0
status=$?
journalctl -q --no-pager -n 20 -u "$1" >&2
exit "$status"
