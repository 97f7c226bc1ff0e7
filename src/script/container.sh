# container.sh drain NAME SOCKET SECONDS | stop NAME GRACE | remove NAME
# container.sh cool NAME SOCKET SECONDS GRACE LOCK LINK TARGET FOLDER [UNIT...]
# Ends a container without us: for what the host does by itself. NAME may be empty in front of a SOCKET of the host's own.
# drain waits until no connection to SOCKET is open, at most SECONDS, or STACKCTL_DRAIN_LIMIT if that is less.
# cool does all of it for a release that was switched away from, under the stack's LOCK and unless LINK leads to TARGET again.
# Exit 3 when there was nothing to do.

# engine METHOD PATH: prints the body of the answer. Exit 3 when there is no such thing, or it is as asked already.
engine() {
	# shellcheck disable=SC2016 # perl's variables
	perl -MIO::Socket::UNIX -e '
		my $engine = IO::Socket::UNIX->new(Peer => "/run/docker.sock") or die "no engine answers\n";
		print $engine "$ARGV[0] $ARGV[1] HTTP/1.0\r\nHost: engine\r\nContent-Length: 0\r\n\r\n";
		local $/;
		my ($status, $body) = <$engine> =~ m{^HTTP/\S+ (\d+).*?\r\n\r\n(.*)}s or die "the engine said nothing\n";
		print $body;
		exit 3 if $status == 404 || $status == 304;
		exit($status < 300 ? 0 : 1);
	' "$1" "$2"
}

drain() {
	table=/proc/self/net/unix
	if [ -n "$1" ]; then
		seen=$(engine GET "/containers/$1/json") || return
		pid=$(printf '%s' "$seen" | sed -n 's/.*"Pid":\([0-9][0-9]*\),.*/\1/p')
		[ "${pid:-0}" -gt 0 ] || return 3
		table=/proc/$pid/net/unix
	fi
	limit=$3
	[ "${STACKCTL_DRAIN_LIMIT:-$limit}" -lt "$limit" ] && limit=$STACKCTL_DRAIN_LIMIT
	# As in drain.sh: three quiet looks in a row.
	quiet=0 waited=0
	while [ "$waited" -lt $((limit * 5)) ] && [ "$quiet" -lt 3 ]; do
		[ -r "$table" ] || break
		open=$(awk -v path="$2" '$6 == "03" && $8 == path { n++ } END { print n + 0 }' "$table")
		if [ "$open" -eq 0 ]; then quiet=$((quiet + 1)); else quiet=0; fi
		[ "$quiet" -ge 3 ] || sleep 0.2
		waited=$((waited + 1))
	done
}

stop() { engine POST "/containers/$1/stop?t=$2"; }

operation=$1
shift
case $operation in
drain) drain "$1" "$2" "$3" ;;
stop) stop "$1" "$2" ;;
remove) engine DELETE "/containers/$1?force=1&v=1" ;;
cool)
	name=$1 socket=$2 seconds=$3 grace=$4 lock=$5 link=$6 target=$7 folder=$8
	shift 8
	netns=$name
	case $socket in "${folder%/*}"/*) netns='' ;; esac
	drain "$netns" "$socket" "$seconds"
	exec 9>>"$lock"
	flock -w 7200 9 || exit 75
	[ "$(readlink -- "$link")" = "$target" ] && exit 0
	# As lease.pl writes it: whoever finds the lock taken is told.
	read -r generation _ <"$lock"
	printf '%s -\n{"who":"the host itself","reason":"%s is stopped, since it no longer serves","since":"%s"}\n' \
		"${generation:-0}" "$name" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" >"$lock"
	stop "$name" "$grace"
	for unit; do systemctl disable -q --now "$unit"; done
	rm -rf -- "$folder"
	printf '%s -\n' "${generation:-0}" >"$lock"
	;;
*) exit 64 ;;
esac
