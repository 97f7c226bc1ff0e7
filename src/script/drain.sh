# drain.sh PID SOCKET SECONDS
# Waits until no connection to SOCKET is open, as seen in the network namespace of process PID (or `self`).
# Prints how many were open when it stopped waiting. See proc(5): state 03 is SS_CONNECTED.
table=/proc/$1/net/unix
quiet=0 waited=0 open=0
while [ "$waited" -lt $(($3 * 5)) ]; do
	[ -r "$table" ] || break
	open=$(awk -v path="$2" '$6 == "03" && $8 == path { n++ } END { print n + 0 }' "$table")
	if [ "$open" -eq 0 ]; then quiet=$((quiet + 1)); else quiet=0; fi
	# Three quiet looks in a row: a request that nginx accepted before the switch may still be about to connect.
	[ "$quiet" -ge 3 ] && break
	sleep 0.2
	waited=$((waited + 1))
done
echo "$open"
