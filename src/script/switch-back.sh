# switch-back.sh CONTAINER SOCKET HEALTH LINK TARGET BOOT MODE BASE64
# Goes back to a release that still runs, in one go: asks it at SOCKET for HEALTH, has the engine start its container, if it has
# one, again after a reboot, writes what a boot makes the link from, and renames the link. Exit 69 when it does not answer well; nothing
# has changed then.
set -eu
# shellcheck disable=SC2016 # perl's variables
perl -MSocket -e '
	my ($container, $socket, $path) = @ARGV;
	$SIG{ALRM} = sub { print STDERR "it does not answer $path within 5 s\n"; exit 69 };
	alarm 5;
	sub ask {
		my ($peer, $request) = @_;
		socket my $there, AF_UNIX, SOCK_STREAM, 0 or return "";
		connect $there, pack_sockaddr_un($peer) or return "";
		syswrite $there, $request;
		local $/;
		return scalar(<$there>) // "";
	}
	my ($status) = ask($socket, "GET $path HTTP/1.0\r\nHost: localhost\r\n\r\n") =~ m{^HTTP/\S+ (\d+)};
	if (!$status || $status !~ /^2/) {
		print STDERR "it ", $status ? "answers $path with HTTP $status" : "does not answer $path", "\n";
		exit 69;
	}
	exit 0 if $container eq "";
	my $body = q({"RestartPolicy":{"Name":"unless-stopped"}});
	my $length = length $body;
	my $updated = ask("/run/docker.sock", "POST /containers/$container/update HTTP/1.0\r\nHost: engine\r\n"
		. "Content-Type: application/json\r\nContent-Length: $length\r\n\r\n$body");
	exit 0 if $updated =~ m{^HTTP/\S+ 200};
	print STDERR "the engine does not take its new restart policy: $updated\n";
	exit 1;
' "$1" "$2" "$3"
link=$4 target=$5 boot=$6 mode=$7
file=$(mktemp "${boot%/*}/.stackctl.XXXXXX")
part=$(mktemp -u "${link%/*}/.stackctl.XXXXXX")
trap 'rm -f "$file" "$part"' EXIT
printf '%s' "$8" | base64 -d >"$file"
chmod "$mode" "$file"
sync "$file"
mv -fT "$file" "$boot"
ln -s -- "$target" "$part"
mv -fT -- "$part" "$link"
sync "${boot%/*}" "${link%/*}"
