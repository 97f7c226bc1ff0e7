# open-to.sh USER SOCKET
# Ends with 0 when USER, a number that is its group's as well, may connect to SOCKET, and with 1 and why on stdout when not.
# shellcheck disable=SC2016 # perl's variables
exec perl -MIO::Socket::UNIX -e '
	my ($user, $socket) = @ARGV;
	$( = $user;
	$) = "$user $user";
	($<, $>) = ($user, $user);
	exit 0 if IO::Socket::UNIX->new(Peer => $socket);
	print "$!\n";
	exit 1;
' "$1" "$2"
