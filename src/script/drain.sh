# drain.sh PID SOCKET SECONDS
# Waits until no connection to SOCKET is open that process PID, or one beside it in its network namespace, has accepted;
# with `self` as PID, any connection counts. Prints how many were open when it stopped waiting. See proc(5): state 03 is
# SS_CONNECTED.
#
# An accepted Unix socket belongs to the network namespace of the one who connected, which is nginx's and ours: the table
# of a container's namespace never shows one. Nor does the path tell, since containers see theirs under the same path.
# What tells is who holds the socket.
table=/proc/net/unix
quiet=0 waited=0 open=0
while [ "$waited" -lt $(($3 * 5)) ]; do
	if [ "$1" = self ]; then
		open=$(awk -v path="$2" '$6 == "03" && $8 == path { n++ } END { print n + 0 }' "$table")
	else
		namespace=$(readlink "/proc/$1/ns/net") || {
			open=0
			break
		}
		# One look at all processes: a program for each of them would cost more than the drain is worth. Those that
		# end meanwhile are no error.
		# shellcheck disable=SC2012 # names that the kernel made
		holders=$(ls -l /proc/[0-9]*/ns/net 2>/dev/null |
			awk -v namespace="$namespace" '$NF == namespace { split($(NF - 2), part, "/"); print "/proc/" part[3] "/fd" }')
		# shellcheck disable=SC2012,SC2086 # one word each, and made by the kernel
		open=$(ls -l $holders 2>/dev/null | sed -n 's/.* socket:\[\([0-9]*\)\]$/\1/p' |
			awk -v path="$2" -v table="$table" '
				FILENAME != table { held[$1]; next }
				$6 == "03" && $8 == path && $7 in held { n++ }
				END { print n + 0 }' - "$table")
	fi
	if [ "$open" -eq 0 ]; then quiet=$((quiet + 1)); else quiet=0; fi
	# Three quiet looks in a row: a request that nginx accepted before the switch may still be about to connect.
	[ "$quiet" -ge 3 ] && break
	sleep 0.2
	waited=$((waited + 1))
done
echo "$open"
