# guard.sh NAME SECONDS <HELD
# Prints `ready`, and once stdin ends, which it does when whoever holds it is gone, has the engine stop a container within
# SECONDS and remove it.
# shellcheck disable=SC2016 # perl's variables
exec perl -MPOSIX -MIO::Socket::UNIX -e '
	my ($name, $seconds) = @ARGV;
	sub engine {
		my $engine = IO::Socket::UNIX->new(Peer => "/run/docker.sock") or return;
		print $engine "$_[0] /containers/$name$_[1] HTTP/1.0\r\nHost: engine\r\nContent-Length: 0\r\n\r\n";
		local $/;
		my $answer = <$engine>;
	}
	defined(my $child = fork) or exit 71;
	if ($child) {
		$| = 1;
		print "ready\n";
		waitpid $child, 0;
		exit 0;
	}
	# What ends our caller must not end it: then is when it is needed.
	POSIX::setsid();
	open STDOUT, ">", "/dev/null";
	open STDERR, ">", "/dev/null";
	while (sysread STDIN, my $nothing, 4096) {}
	engine("POST", "/stop?t=$seconds");
	engine("DELETE", "?force=1&v=1");
' "$1" "$2"
