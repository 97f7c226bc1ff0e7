# keep-warm.sh UNIT SECONDS RUN CONTAINER [LEADING...] <SCRIPT
# Leaves a container running for SECONDS; then a timer runs SCRIPT, which ends it and lies below the stack's folder RUN until
# then. After a reboot neither the container nor the units LEADING to it start. Without a CONTAINER, all that runs is among
# those units.
set -eu
unit=$1 seconds=$2 folder=$3/cooling container=$4
shift 4
for leading; do systemctl disable -q "$leading"; done
(umask 077 && mkdir -p "$folder")
systemctl stop "$unit.timer" "$unit.service" 2>/dev/null || true
systemctl reset-failed "$unit.timer" "$unit.service" 2>/dev/null || true
cat >"$folder/$unit.sh"
# shellcheck disable=SC2016 # perl's variables
[ -z "$container" ] || perl -MIO::Socket::UNIX -e '
	my $body = q({"RestartPolicy":{"Name":"no"}});
	my $engine = IO::Socket::UNIX->new(Peer => "/run/docker.sock") or die "no engine answers\n";
	print $engine "POST /containers/$ARGV[0]/update HTTP/1.0\r\nHost: engine\r\nContent-Type: application/json\r\n";
	print $engine "Content-Length: ", length $body, "\r\n\r\n$body";
	local $/;
	my $answer = <$engine>;
	die "$answer\n" unless $answer =~ m{^HTTP/\S+ 200};
' "$container"
# It is read before it runs, so that nothing is left of it.
# shellcheck disable=SC2016 # the other shell's variables
exec systemd-run --quiet --collect --unit="$unit" --on-active="$seconds" --timer-property=AccuracySec=1s \
	--description="Ends ${container:-$1}, which no longer serves" \
	/bin/sh -c 'script=$(cat "$1") && rm -f "$1" && exec /bin/sh -c "$script" cool' cool "$folder/$unit.sh"
