# facts.sh [p:PACKAGE | u:UNIT | i:USER | t:LINK:FOLDER | f:PATH | c:PATH | l:FOLDER | m:MANIFEST | g:PORT:NAME | w:firewall | x:PATH | h:NAME | n:NAME:PATH]...
# Prints what this host is and what it has, one fact a line, fields separated by tabs.
# f: says of a path, or of all that a pattern means, what it is; c: gives a small file's contents as well; l: lists a folder with the times of change;
# r: stands for c: of the release.json in each folder of a folder;
# i: tells the id of a user's name, or the name of a user's id;
# t: follows the LINK of a service, and tells a digest of the source of that release in FOLDER, as push-tree.sh makes it;
# m: stands for c: of a manifest and of every path in it;
# g: asks the nginx that runs which version of a site it goes by, whatever its file says.
# w: says how the firewall stands;
# x: says what the certificates in a path, or in all that a pattern means, are for;
# h: asks the nginx that runs which certificate it shows for a name;
# n: asks for the addresses of a name when PATH, its certificate, is not there, and for this host's own.
# Exit 0. Whatever can't be told is left out.
# Every program that is started costs some milliseconds on a host that is busy, hence so few.
tab=$(printf '\t')
say() {
	IFS=$tab
	printf '%s\n' "$*"
	unset IFS
}

packages='' firewall='' units='' users='' sources='' paths='' contents='' folders='' site='' certificates='' shown_for='' names=''
for want; do
	case $want in
	p:*) packages="$packages ${want#p:}" ;;
	u:*) units="$units ${want#u:}" ;;
	i:*) users="$users ${want#i:}" ;;
	t:*) sources="$sources ${want#t:}" ;;
	f:*) paths="$paths ${want#f:}" ;;
	c:*) paths="$paths ${want#c:}" contents="$contents ${want#c:}" ;;
	l:*) folders="$folders ${want#l:}" ;;
	g:*) site=${want#g:} ;;
	w:*) firewall=yes ;;
	x:*) certificates="$certificates ${want#x:}" ;;
	h:*) shown_for="$shown_for ${want#h:}" ;;
	n:*)
		want=${want#n:}
		[ -e "${want#*:}" ] || names="$names ${want%%:*}"
		;;
	r:*)
		for file in "${want#r:}"/*/release.json; do paths="$paths $file" contents="$contents $file"; done
		;;
	m:*)
		listed=$(sed -n 's|^ *"\(/[A-Za-z0-9._@+/-]*\)": {.*|\1|p' "${want#m:}" 2>/dev/null)
		paths="$paths ${want#m:} $listed" contents="$contents ${want#m:} $listed"
		;;
	esac
done

# unique WORDS: sets `list` to each of them once; patterns came as what they mean.
unique() {
	list=' '
	for word; do
		case $list in *" $word "*) ;; *) list="$list$word " ;; esac
	done
}

ask_units() {
	# shellcheck disable=SC2086 # names without blanks, several words on purpose
	# In UTC, since date(1) knows few of the names that zones have.
	[ -z "$units" ] || TZ=UTC systemctl show -p Id -p LoadState -p ActiveState -p SubState -p UnitFileState -p NRestarts \
		-p NeedDaemonReload -p ActiveEnterTimestamp -p Description $units 2>/dev/null
}
# systemd takes its time, so it is asked while the rest is gathered: what it says is on stdin.
gather() {
	exec 3<&0 </dev/null

	# Every line of os-release(5) is a shell assignment; it is read in a subshell of its own.
	(
		ID='' VERSION_ID='' VERSION_CODENAME='' PRETTY_NAME='' ID_LIKE=''
		# shellcheck disable=SC1091
		[ -r /etc/os-release ] && . /etc/os-release
		say os "$ID" "$VERSION_ID" "$VERSION_CODENAME" "$PRETTY_NAME" "$ID_LIKE"
	)
	read -r own_name </proc/sys/kernel/hostname
	read -r kernel </proc/sys/kernel/osrelease
	say machine "$(uname -m)" "$kernel" "$own_name"
	read -r uptime _ </proc/uptime && say uptime "${uptime%%.*}"
	date -u "+clock$tab%s$tab%Y-%m-%dT%H:%M:%SZ"
	while read -r key value _; do
		case $key in MemTotal: | MemAvailable:) say memory "${key%:}" "$value" ;; esac
	done </proc/meminfo
	stat -f -c '%n %S %b %a %c %d' /var/lib /run | while read -r folder block blocks free inodes free_inodes; do
		say disk "$folder" $((blocks * block / 1024)) $((free * block / 1024))
		say inodes "$folder" "$inodes" "$free_inodes"
	done
	[ -d /run/systemd/system ] && say init systemd
	[ -w /var/lib ] || say read-only /var/lib
	for program in base64 find flock mktemp perl sha256sum stat systemctl tar timeout; do
		command -v "$program" >/dev/null || say missing "$program"
	done

	# shellcheck disable=SC2086 # names without blanks, several words on purpose
	[ -n "$packages" ] && dpkg-query -W -f '${db:Status-Status}\t${Package}\t${Version}\n' $packages 2>/dev/null |
		while IFS=$tab read -r status name version; do
			[ "$status" = installed ] && say package "$name" "$version"
		done
	[ -n "$packages" ] && index=$(find /var/lib/apt/lists -maxdepth 1 -name '*Packages*' -printf '%T@\n' 2>/dev/null | sort -n | tail -n 1)
	[ -n "${index-}" ] && say index "${index%%.*}"

	if [ -n "$paths" ]; then
		# shellcheck disable=SC2086
		unique $paths
		paths=$list
		# shellcheck disable=SC2086
		unique $contents
		contents=$list
		# shellcheck disable=SC2086
		find $paths -maxdepth 0 -printf 'path\t%p\t%y\t%m\t%U\t%G\t%l\n' 2>/dev/null
		files=''
		for path in $paths; do [ -f "$path" ] && [ ! -L "$path" ] && files="$files $path"; done
		# shellcheck disable=SC2086
		[ -n "$files" ] && sha256sum $files 2>/dev/null | while read -r digest path; do say digest "$path" "$digest"; done
	fi

	# shellcheck disable=SC2086
	[ -n "$folders" ] && find $folders -mindepth 1 -maxdepth 1 -printf 'entry\t%h\t%f\t%T@\n' 2>/dev/null

	# shellcheck disable=SC2086
	[ -n "$users" ] && getent passwd $users | while IFS=: read -r name _ id _; do say user "$name" "$id"; done
	for source in $sources; do
		release=$(readlink "${source%%:*}") || continue
		release=${release%%/*}
		source=${source#*:}/${release#*.}/source
		[ -d "$source" ] || continue
		digest=$(
			LC_ALL=C
			export LC_ALL
			cd "$source" || exit
			{
				find . -mindepth 1 -printf '%y %p %l\0' | sort -z
				find . -type f -perm -100 -print0 | sort -z
				find . -type f -print0 | sort -z | xargs -0 -r sha256sum -z --
			} | sha256sum
		)
		say source "$source" "${digest%% *}"
	done

	parent_of() {
		parent=0
		[ -r "/proc/$1/status" ] && while read -r key value _; do
			case $key in
			Name:) name=$value ;;
			PPid:) parent=$value && break ;;
			esac
		done <"/proc/$1/status"
	}
	# The daemon that our connection came in by is the topmost of our ancestors that is an sshd; below it is our login shell.
	pid=$$ below='' login='' daemon='' name=''
	while [ "$pid" -gt 1 ]; do
		parent_of "$pid"
		case $name in
		sshd*) login=${login:-$below} daemon=$pid ;;
		esac
		below=$pid pid=$parent
	done
	command -v ss >/dev/null && ss -Hltnp | while read -r _ _ _ local _ process; do
		case "$local $process" in
		127.* | "[::1]:"*) ;;
		*\"sshd\",pid=*)
			# Not what people forward through a session of theirs.
			holder=${process#*\"sshd\",pid=} && holder=${holder%%,*}
			parent_of "$holder"
			if [ "$holder" = "$daemon" ] || [ "$parent" -eq 1 ]; then say ssh "${local##*:}"; fi
			;;
		esac
		process=${process#*\"}
		say listener "${local##*:}" "${local%:*}" "${process%%\"*}"
	done
	# Where systemd listens for sshd, and where sshd is another program, this is all there is.
	[ -n "$login" ] && say ssh "$(tr '\0' '\n' <"/proc/$login/environ" | sed -n 's/^SSH_CONNECTION=.* //p')"
	for bridge in /sys/class/net/br-*; do
		# Docker's own are `br-` and twelve hex digits.
		case ${bridge##*/br-} in
		\* | [0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f][0-9a-f]) ;;
		*) say bridge "${bridge##*/}" ;;
		esac
	done
	if [ -n "$firewall" ] && [ -d /etc/stackctl/firewall ]; then
		files=$(cat /etc/stackctl/firewall/base.nft /etc/stackctl/firewall/stacks/*.nft 2>/dev/null | sha256sum)
		loaded=$(base64 -w 0 /run/stackctl-firewall 2>/dev/null)
		say firewall "${files%% *}" "$loaded" "$(nft -s list table inet stackctl 2>/dev/null | base64 -w 0)"
	fi
	grep -qs '^ENABLED=yes' /etc/ufw/ufw.conf && say ufw enabled
	# What systemd has said meanwhile.
	id=''
	unit() {
		case "$id $active" in
		*@*' active') since=$(date -u -d "$since" +%Y-%m-%dT%H:%M:%SZ 2>/dev/null) && since=$tab$since ;;
		*) since='' ;;
		esac
		[ -n "$id" ] && say unit "$id" "$load" "$active" "$sub" "$file" "$restarts" "$stale$since"
		case $id in
		?*@*) say described "$id" "${description%%"$tab"*}" ;;
		esac
		case "$id $active" in
		'docker.service active') engine_runs=yes ;;
		'nginx.service active') nginx_runs=yes ;;
		esac
		id='' load='' active='' sub='' file='' restarts=0 stale=no since='' description=''
	}
	engine_runs='' nginx_runs=''
	unit
	while IFS= read -r line; do
		case $line in
		Id=*) id=${line#*=} ;;
		LoadState=*) load=${line#*=} ;;
		ActiveState=*) active=${line#*=} ;;
		SubState=*) sub=${line#*=} ;;
		UnitFileState=*) file=${line#*=} ;;
		NRestarts=*) restarts=${line#*=} ;;
		ActiveEnterTimestamp=*) since=${line#*=} ;;
		NeedDaemonReload=*) stale=${line#*=} ;;
		Description=*) description=${line#*=} ;;
		'') unit ;;
		esac
	done <&3
	exec 3<&-
	unit

	# One program for all of it, since perl takes long to start. Base64 is what uuencode writes with other digits, and without
	# what tells lines' lengths. The engine tells its API version in a header of each answer; it is not asked when it is stopped,
	# since asking would start it. Socket.pm is slow to load; its numbers are those of Linux.
	engine='' nginx=''
	if [ -S /run/docker.sock ]; then
		say docker /run/docker.sock ''
		engine=$engine_runs
	fi
	[ -n "$nginx_runs" ] && nginx=$site
	# shellcheck disable=SC2016,SC2086 # perl's variables; names without blanks
	[ -n "$contents$engine$nginx" ] && perl -e '
		my ($ask_engine, $site) = splice @ARGV, 0, 2;
		for my $path (grep { -f && !-l } @ARGV) {
			open my $file, "<:raw", $path or next;
			my ($bytes, $read) = ("", 1);
			$read = read $file, $bytes, 262144 - length $bytes, length $bytes while $read;
			my $text = pack "u", $bytes;
			$text =~ s/^.//mg;
			$text =~ tr/\n//d;
			$text =~ tr|` -_|AA-Za-z0-9+/|;
			my $rest = -length($bytes) % 3;
			substr $text, -$rest, $rest, "=" x $rest if $rest;
			print "contents\t$path\t$text\n";
		}
		sub asked {
			my ($family, $address, $request) = @_;
			my $answer = "";
			eval {
				local $SIG{ALRM} = sub { die };
				alarm 5;
				my $server;
				socket $server, $family, 1, 0 and connect $server, $address and syswrite $server, $request or die;
				1 while sysread $server, $answer, 65536, length $answer;
			};
			alarm 0;
			return $answer;
		}
		if ($ask_engine) {
			my $said = asked(1, pack("S a108", 1, "/run/docker.sock"), "GET /_ping HTTP/1.0\r\n\r\n");
			print "docker\t/run/docker.sock\t$1\n" if $said =~ /^Api-Version: ([0-9.]+)/im;
		}
		if (my ($port, $name) = split /:/, $site, 2) {
			my $said = asked(2, pack("S n C4 x8", 2, $port, 127, 0, 0, 1), "GET /.stackctl/generation HTTP/1.0\r\nHost: $name\r\n\r\n");
			my ($status, $body) = $said =~ m{^HTTP/\S+ (\d+).*?\r\n\r\n(.*)}s;
			print "generation\t", $status == 200 && $body =~ /^([0-9a-f]{1,64})\s*$/ ? $1 : "", "\n" if $status;
		}
	' "$engine" "$nginx" $contents
	# Seconds, and RFC 3339.
	both() { date -u -d "$1" "+%s$tab%Y-%m-%dT%H:%M:%SZ"; }
	for path in $certificates; do
		[ -f "$path" ] || continue
		told=$(LC_ALL=C openssl x509 -in "$path" -noout -nameopt RFC2253 -startdate -enddate -issuer \
			-fingerprint -sha256 -ext subjectAltName 2>/dev/null) || continue
		from='' to='' issuer='' alternative='' print=''
		while IFS= read -r line; do
			case $line in
			notBefore=*) from=$(both "${line#*=}") ;;
			notAfter=*) to=$(both "${line#*=}") ;;
			issuer=*) issuer=$(printf '%s' "${line#*=}" | tr '\t' ' ') ;;
			*Fingerprint=*) print=${line##*=} ;;
			*DNS:* | *'IP Address:'*) alternative=$(printf '%s' "$line" | tr '\t' ' ') ;;
			esac
		done <<-TOLD
			$told
		TOLD
		[ -n "$from" ] && [ -n "$to" ] && say certificate "$path" "${from%%"$tab"*}" "$to" "$issuer" "$alternative" "$print"
	done
	[ -n "$nginx_runs" ] && for name in $shown_for; do
		print=$(timeout 5 openssl s_client -connect 127.0.0.1:443 -servername "$name" </dev/null 2>/dev/null |
			openssl x509 -noout -fingerprint -sha256 2>/dev/null)
		[ -n "$print" ] && say shown "$name" "${print##*=}"
	done
	# All at once: servers of names that do not answer cost 10 s, and not each of them.
	for name in $names; do
		{
			found=$(timeout 10 getent ahosts "$name" | sed 's/ .*//' | sort -u | tr '\n' ' ')
			say name "$name" "$found"
		} &
	done
	wait
	[ -n "$names" ] && for address in $(hostname -I 2>/dev/null); do say address "$address"; done
	command -v nginx >/dev/null && say nginx "$(nginx -v 2>&1)"
}
ask_units | gather
exit 0
