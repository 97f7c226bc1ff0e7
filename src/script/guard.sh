# guard.sh container|unit NAME SECONDS <HELD
# Prints `ready`, and once stdin ends, which it does when whoever holds it is gone, has a container or a unit end: the engine
# within SECONDS, and remove it; systemd in the time that the unit says.
# shellcheck disable=SC2016 # perl's variables
exec perl -MPOSIX -MIO::Socket::UNIX -e '
	my ($kind, $name, $seconds) = @ARGV;
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
	if ($kind eq "unit") {
		for (1 .. 3) {
			last if system("systemctl", "stop", $name) == 0;
			# It has ended, or is only just being started.
			sleep 1;
		}
		exit 0;
	}
	engine("POST", "/stop?t=$seconds");
	engine("DELETE", "?force=1&v=1");
' "$1" "$2" "$3"
