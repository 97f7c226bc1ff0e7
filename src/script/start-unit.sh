# start-unit.sh UNIT
# Enables a unit at boot and starts it, also one that failed too often before. When it does not start, its last log lines are on
# stderr.
# What runs and comes up at boot stays as it is: to enable it, systemd would read all its units again, which it may have no room
# for on a full /run.
[ "$(systemctl is-enabled "$1" 2>/dev/null)" = enabled ] && systemctl is-active -q "$1" && exit 0
systemctl unmask -q "$1" 2>/dev/null
systemctl reset-failed "$1" 2>/dev/null
systemctl enable -q "$1" && systemctl start "$1" && exit 0
status=$?
journalctl -q --no-pager -n 20 -u "$1" >&2
exit "$status"
