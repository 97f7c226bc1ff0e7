# container.sh drain NAME SOCKET SECONDS | stop NAME GRACE | remove NAME | start NAME | healthy SOCKET PATH SECONDS
# container.sh cool NAME SOCKET SECONDS GRACE LOCK LINK TARGET FOLDER [UNIT...]
# Ends a container without us: for what the host does by itself. NAME may be empty in front of a SOCKET of the host's own.
# drain waits until no connection to SOCKET is open, at most SECONDS, or STACKCTL_DRAIN_LIMIT if that is less, and prints how
# many are.
# cool does all of it for a release that was switched away from, under the stack's LOCK and unless LINK leads to TARGET again.
# healthy waits until who listens at SOCKET answers PATH with 2xx; exit 69 when that is not so within SECONDS.
# Exit 3 when there was nothing to do.

# engine METHOD PATH SECONDS: prints the body of the answer, which must come within SECONDS: an engine that hangs must not hold
# up who waits for the lock. Exit 3 when there is no such thing, or it is as asked already.
engine() {
	# shellcheck disable=SC2016 # perl's variables
	perl -MIO::Socket::UNIX -e '
		local $SIG{ALRM} = sub { die "the engine did not answer in time\n" };
		alarm $ARGV[2];
		my $engine = IO::Socket::UNIX->new(Peer => "/run/docker.sock") or die "no engine answers\n";
		print $engine "$ARGV[0] $ARGV[1] HTTP/1.0\r\nHost: engine\r\nContent-Length: 0\r\n\r\n";
		local $/;
		my ($status, $body) = <$engine> =~ m{^HTTP/\S+ (\d+).*?\r\n\r\n(.*)}s or die "the engine said nothing\n";
		print $body;
		exit 3 if $status == 404 || $status == 304;
		exit($status < 300 ? 0 : 1);
	' "$1" "$2" "$3"
}

# An accepted Unix socket belongs to the network namespace of the one who connected, which is nginx's and ours: the table of
# a container's namespace never shows one. Nor does the path tell, since containers see theirs under the same path. What
# tells is who holds the socket: a process in the container's network namespace. See proc(5): state 03 is SS_CONNECTED.
drain() {
	table=/proc/net/unix namespace=''
	if [ -n "$1" ]; then
		seen=$(engine GET "/containers/$1/json" 30) || return
		pid=$(printf '%s' "$seen" | sed -n 's/.*"Pid":\([0-9][0-9]*\),.*/\1/p')
		[ "${pid:-0}" -gt 0 ] || return 3
		namespace=$(readlink "/proc/$pid/ns/net") || return 3
	fi
	limit=$3
	[ "${STACKCTL_DRAIN_LIMIT:-$limit}" -lt "$limit" ] && limit=$STACKCTL_DRAIN_LIMIT
	quiet=0 open=0
	# By the clock, not by looks: on a busy host each takes its time.
	read -r now _ </proc/uptime
	until=$((${now%%.*} + limit + (limit > 0)))
	while [ "${now%%.*}" -lt "$until" ]; do
		if [ -z "$namespace" ]; then
			open=$(awk -v path="$2" '$6 == "03" && $8 == path { n++ } END { print n + 0 }' "$table")
		else
			# One look at all processes: a program for each of them would cost more than the drain is worth. Those that
			# end meanwhile are no error.
			# shellcheck disable=SC2012 # names that the kernel made
			holders=$(ls -l /proc/[0-9]*/ns/net 2>/dev/null |
				awk -v namespace="$namespace" '$NF == namespace { split($(NF - 2), part, "/"); print "/proc/" part[3] "/fd" }')
			# The container has ended: nothing is left that could hold any.
			[ -n "$holders" ] || break
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
		read -r now _ </proc/uptime
	done
	echo "$open"
}

# Looking changes nothing, hence the 3.
healthy() {
	# shellcheck disable=SC2016 # perl's variables
	perl -MIO::Socket::UNIX -e '
		my ($socket, $path, $seconds) = @ARGV;
		my ($until, $said) = (time + $seconds, "nothing");
		do {
			local $SIG{ALRM} = sub { die };
			eval {
				alarm 5;
				my $app = IO::Socket::UNIX->new(Peer => $socket) or die;
				print $app "GET $path HTTP/1.0\r\nHost: localhost\r\n\r\n";
				my $line = <$app> // "";
				($said) = $line =~ m{^HTTP/\S+ (\d+)} or die;
			};
			alarm 0;
			exit 3 if $said =~ /^2/;
			select undef, undef, undef, 0.3;
		} while time < $until;
		print STDERR "it does not answer $path well: $said\n";
		exit 69;
	' "$1" "$2" "$3"
}

stop() { engine POST "/containers/$1/stop?t=$2" "$(($2 + 60))"; }

operation=$1
shift
case $operation in
drain) drain "$1" "$2" "$3" ;;
stop) stop "$1" "$2" ;;
start) engine POST "/containers/$1/start" 60 ;;
healthy) healthy "$1" "$2" "$3" ;;
remove) engine DELETE "/containers/$1?force=1&v=1" 120 ;;
cool)
	name=$1 socket=$2 seconds=$3 grace=$4 lock=$5 link=$6 target=$7 folder=$8
	shift 8
	netns=$name
	case $socket in "${folder%/*}"/*) netns='' ;; esac
	drain "$netns" "$socket" "$seconds"
	while
		exec 9>>"$lock"
		flock -w 7200 9 || exit 75
		# Who had it took it away when nothing was left of the stack.
		[ "$(stat -c %d:%i "$lock" 2>/dev/null)" != "$(stat -L -c %d:%i /proc/self/fd/9)" ]
	do :; done
	[ "$(readlink -- "$link")" = "$target" ] && exit 0
	# As lease.pl writes it: whoever finds the lock taken is told.
	read -r generation _ <"$lock"
	printf '%s -\n{"who":"the host itself","reason":"%s is stopped, since it no longer serves","since":"%s"}\n' \
		"${generation:-0}" "${name:-$target}" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" >"$lock"
	[ -z "$name" ] || stop "$name" "$grace"
	for unit; do
		systemctl disable -q --now "$unit"
		systemctl reset-failed "$unit" 2>/dev/null
	done
	rm -rf -- "$folder"
	printf '%s -\n' "${generation:-0}" >"$lock"
	;;
*) exit 64 ;;
esac
