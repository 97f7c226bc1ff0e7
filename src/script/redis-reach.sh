# redis-reach.sh FILE
# Says whether a Redis server that the URL in FILE names lets us in from this host, as lines with tabs that database-facts.sh would
# print: `alive HOST:PORT`, or why not; and `digest`, which tells one URL from another. Of `rediss:` it is only looked whether it
# takes connections. The URL, which holds a password, is not told, nor any part of what is no URL, nor what the server says.
[ -r "$1" ] || {
	echo 'there is no URL'
	exit 0
}
# Without the end of its line, as apps get it: secret-copy.sh.
url=$(cat -- "$1")
digest=$(printf '%s' "${url%"$(printf '\r')"}" | sha256sum)
printf 'digest\t%s\n' "${digest%% *}"
# shellcheck disable=SC2016 # perl's variables
perl -MIO::Socket::IP -MIO::Select -e '
	my $url = <STDIN> // "";
	# A sign that is not written as %40 or %2F would have part of a password taken for a host.
	my ($tls, $login, $place) = $url =~ m{^redis(s?)://(?:([^/\@]*)\@)?([^/?\@\s]+)(?:/[0-9]*)?(?:\?[^\@\s]*)?\s*$};
	if (($place // "") !~ /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::([0-9]{1,5}))?$/) {
		print "it is not a URL such as redis://:password\@host:6379/0, with %40, %3A and %2F for \@, : and / in a password\n";
		exit;
	}
	my ($host, $port) = ($1 // $2, $3 || 6379);
	my $there = IO::Socket::IP->new(PeerHost => $host, PeerPort => $port, Timeout => 5);
	if (!$there) { print "$host:$port cannot be reached: $@\n"; exit }
	if ($tls) { print "alive\t$host:$port\nlogin\n"; exit }
	$SIG{PIPE} = "IGNORE";
	my $ask = sub {
		my $text = join "", "*" . @_ . "\r\n", map { "\$" . length($_) . "\r\n$_\r\n" } @_;
		syswrite $there, $text;
		my $said = "";
		while ($said !~ /\n/ && IO::Select->new($there)->can_read(5)) { sysread $there, $said, 512, length $said or last }
		$said =~ /^([+-][A-Z]+)/ ? $1 : "nothing";
	};
	my ($user, $password) = split /:/, $login // "", 2;
	my @login = grep { length } map { s/%([0-9A-Fa-f]{2})/chr hex $1/gre } grep { defined } $user, $password;
	my $said = @login ? $ask->("AUTH", @login) : "+OK";
	$said = $ask->("PING") if $said eq "+OK";
	if ($said eq "+PONG") { print "alive\t$host:$port\nlogin\n"; exit }
	my %why = (
		-WRONGPASS => "does not take the login in the URL",
		-NOAUTH => "asks for a password, and the URL has none",
		-ERR => "does not take the login in the URL",
		-LOADING => "still reads what it keeps",
		nothing => "does not answer as Redis does",
	);
	print "$host:$port ", $why{$said} // "does not let us in", "\n";
' <"$1"
exit 0
