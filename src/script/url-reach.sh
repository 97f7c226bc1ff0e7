# url-reach.sh FILE
# Says whether a server that the URL in FILE names takes connections from this host, as lines with tabs that database-facts.sh
# would print: `alive HOST:PORT`, or why not; and `digest`, which tells one URL from another. The URL, which holds a password,
# is not told, nor any part of what is no URL.
[ -r "$1" ] || {
	echo 'there is no URL'
	exit 0
}
# Without the end of its line, as apps get it: secret-copy.sh.
url=$(cat -- "$1")
digest=$(printf '%s' "${url%"$(printf '\r')"}" | sha256sum)
printf 'digest\t%s\n' "${digest%% *}"
# shellcheck disable=SC2016 # perl's variables
perl -MIO::Socket::IP -e '
	my $url = <STDIN> // "";
	# Azure writes @ into it, which would look like the end of a password.
	$url =~ s/([?&]appName=)[^&\s]*/$1/i;
	# A sign that is not written as %40 or %2F would have part of a password taken for a host.
	my ($kind, $places) = $url =~ m{^mongodb(\+srv)?://(?:[^/\@]*\@)?([^/?\@\s]+)(?:[/?][^\@\s]*)?\s*$};
	my @places = split /,/, $places // "";
	my $place = qr{^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::([0-9]{1,5}))?$};
	if (!@places || grep { !/$place/ } @places) {
		print "it is not a URL such as mongodb://user:password\@host:27017/database, with %40, %3A and %2F for \@, : and / in a password\n";
		exit;
	}
	# The name server knows the hosts behind such a name, and the driver asks it.
	if ($kind) { print "alive\t$places, not asked\nlogin\n"; exit }
	for (@places) {
		/$place/;
		my ($host, $port) = ($1 // $2, $3 || 27017);
		my $there = IO::Socket::IP->new(PeerHost => $host, PeerPort => $port, Timeout => 5);
		if ($there) { print "alive\t$host:$port\nlogin\n"; exit }
		print "$host:$port cannot be reached: $@\n";
	}
' <"$1"
exit 0
