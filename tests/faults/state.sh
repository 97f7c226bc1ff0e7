#!/bin/sh
# state.sh STACK — prints all that a stack has on this host, a fact a line: files with their modes, owners, targets and
# contents, units, containers, images, networks, volumes. Left out is what is different by nature: the history, times,
# what only counts runs, and how the cell has a release behave.
stack=$1

{
	find "/var/lib/stackctl/$stack" "/run/stackctl/$stack" -print -path '*/installed/*/venv' -prune 2>/dev/null
	find /etc /run /usr/local /lib/systemd/system -xdev \( -path '/run/stackctl/*' -o -path '/run/docker*' -o \
		-path '/run/containerd*' -o -path /run/log -o -path '/run/systemd/units/*' \
		-o -path '/run/systemd/propagate/*' -o -path '/run/systemd/journal/*' \
		-o -path '/etc/systemd/system/*.wants' \) -prune -o -path "*$stack*" -print 2>/dev/null
	find /etc/systemd/system -path "*.wants/*$stack*" 2>/dev/null
} | sort -u | perl -MMIME::Base64 -MDigest::SHA=sha256_hex -e '
	# In one program: a host has hundreds of these paths, and is looked at many times.
	while (my $path = <STDIN>) {
		chomp $path;
		next if $path =~ m{/history\.jsonl|/generation$|^/run/stackctl/.*\.lock$|/source/behaviour$};
		my (undef, undef, $mode, undef, $user, $group, undef, $size) = lstat $path or next;
		my $leads = -l $path ? " -> " . readlink $path : "";
		printf "path\t%o\t%s:%s\t%s%s\n", $mode, (getpwuid $user)[0] // $user, (getgrgid $group)[0] // $group, $path, $leads;
		next unless -f _;
		open my $file, "<:raw", $path or next;
		my $bytes = join "", <$file>;
		print "file\t$path\t", $size <= 65536 ? encode_base64($bytes, "") : "digest " . sha256_hex($bytes), "\n";
	}' || exit 1
# What pip installed is too much to be told file by file.
find "/var/lib/stackctl/$stack" -path '*/installed/*/venv' -prune 2>/dev/null | sort | while IFS= read -r tree; do
	digest=$({ find "$tree" -printf '%P %y %m %U:%G %l\n' | sort && find "$tree" -type f -print0 | sort -z | xargs -0 -r sha256sum; } | sha256sum)
	printf 'tree\t%s\t%s\n' "$tree" "$digest"
done
systemctl list-units --all --plain --no-legend "*$stack*" | grep -v '\.mount ' | awk '{ print "unit\t" $1, $2, $3, $4 }'
systemctl list-unit-files --plain --no-legend "*$stack*" | awk '{ print "unit-file\t" $1, $2 }'
# What Docker has, nothing where it does not run. Its own command would be started for each question.
perl -MIO::Socket::UNIX -MJSON::PP -e '
	my ($stack) = @ARGV;
	sub asked {
		my $engine = IO::Socket::UNIX->new("/run/docker.sock") or exit;
		print $engine "GET /$_[0] HTTP/1.0\r\n\r\n";
		my ($head, $body) = split /\r\n\r\n/, join("", <$engine>), 2;
		# One that is gone meanwhile is none.
		$head =~ m{^\S+ (200|404) } or die "$_[0]: $head";
		return $1 == 200 ? decode_json $body : undef;
	}
	for my $container (@{asked "containers/json?all=true"}) {
		my ($name) = @{$container->{Names}};
		# One-offs and containers of builds have names of their own.
		print "labelled\t$name\n" if ($container->{Labels}{"stackctl.stack"} // "") eq $stack;
		next unless $name =~ m{^/\Q$stack\E-};
		my $seen = asked "containers/$container->{Id}/json" or next;
		print "container\t$name $seen->{Config}{Image} $seen->{State}{Status} $seen->{HostConfig}{RestartPolicy}{Name}\n";
		print "of $name $_\n" for @{$seen->{Config}{Env} // []};
		print "of $name $_->{Source}:$_->{Destination}:$_->{RW}\n" for @{$seen->{Mounts}};
	}
	my @images = map { @{$_->{RepoTags} // []} } @{asked "images/json"};
	print "image\t$_\n" for grep { m{^stackctl/\Q$stack\E-} } @images;
	my @networks = map { $_->{Name} } @{asked "networks"};
	print "network\t$_\n" for grep { m{^\Q$stack\E(-|$)} } @networks;
	my @volumes = map { $_->{Name} } @{asked("volumes")->{Volumes} // []};
	print "volume\t$_\n" for grep { m{^\Q$stack\E-} } @volumes;
' "$stack"
