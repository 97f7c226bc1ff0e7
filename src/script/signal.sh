# signal.sh NAME PID
# Sends a signal to a process; one that has ended is no error.
kill -s "$1" "$2" 2>/dev/null
exit 0
