# facts.sh [p:PACKAGE | u:UNIT | f:PATH | c:PATH | l:FOLDER | m:MANIFEST]...
# Prints what this host is and what it has, one fact a line, fields separated by tabs.
# f: says of a path what it is; c: gives a small file's contents as well; l: lists a folder with the times of change;
# m: stands for c: of a manifest and of every path in it.
# Exit 0. Whatever can't be told is left out.
tab=$(printf '\t')
say() { (IFS=$tab; printf '%s\n' "$*"); }

packages='' units='' paths='' contents='' folders=''
for want; do
	case $want in
	p:*) packages="$packages ${want#p:}" ;;
	u:*) units="$units ${want#u:}" ;;
	f:*) paths="$paths ${want#f:}" ;;
	c:*) paths="$paths ${want#c:}" contents="$contents ${want#c:}" ;;
	l:*) folders="$folders ${want#l:}" ;;
	m:*)
		listed=$(sed -n 's|^ *"\(/[A-Za-z0-9._@+/-]*\)": {.*|\1|p' "${want#m:}" 2>/dev/null | tr '\n' ' ')
		paths="$paths ${want#m:} $listed" contents="$contents ${want#m:} $listed"
		;;
	esac
done

# Every line of os-release(5) is a shell assignment; it is read in a subshell of its own.
(
	ID='' VERSION_ID='' VERSION_CODENAME='' PRETTY_NAME='' ID_LIKE=''
	# shellcheck disable=SC1091
	[ -r /etc/os-release ] && . /etc/os-release
	say os "$ID" "$VERSION_ID" "$VERSION_CODENAME" "$PRETTY_NAME" "$ID_LIKE"
)
say machine "$(uname -m)" "$(uname -r)" "$(cat /proc/sys/kernel/hostname)"
read -r uptime _ </proc/uptime && say uptime "${uptime%%.*}"
say clock "$(date -u +%s)" "$(date -u +%Y-%m-%dT%H:%M:%SZ)"
while read -r key value _; do
	case $key in MemTotal: | MemAvailable:) say memory "${key%:}" "$value" ;; esac
done </proc/meminfo
for folder in /var/lib /run; do
	df -Pk "$folder" | while read -r fs size _ free _; do
		[ "$fs" = Filesystem ] || say disk "$folder" "$size" "$free"
	done
	df -Pi "$folder" | while read -r fs size _ free _; do
		[ "$fs" = Filesystem ] || say inodes "$folder" "$size" "$free"
	done
done
[ -d /run/systemd/system ] && say init systemd

# shellcheck disable=SC2086 # names without blanks, several words on purpose
[ -n "$packages" ] && dpkg-query -W -f '${db:Status-Status}\t${Package}\t${Version}\n' $packages 2>/dev/null |
	while IFS=$tab read -r status name version; do
		[ "$status" = installed ] && say package "$name" "$version"
	done
index=$(find /var/lib/apt/lists -maxdepth 1 -name '*Packages*' -printf '%T@\n' 2>/dev/null | sort -n | tail -n 1)
[ -n "$index" ] && say index "${index%%.*}"

# shellcheck disable=SC2086
[ -n "$units" ] && systemctl show -p Id -p LoadState -p ActiveState -p SubState -p UnitFileState -p NRestarts $units 2>/dev/null |
	{
		id='' load='' active='' sub='' file='' restarts=0
		emit() { [ -n "$id" ] && say unit "$id" "$load" "$active" "$sub" "$file" "$restarts"; }
		while IFS= read -r line; do
			case $line in
			Id=*) id=${line#*=} ;;
			LoadState=*) load=${line#*=} ;;
			ActiveState=*) active=${line#*=} ;;
			SubState=*) sub=${line#*=} ;;
			UnitFileState=*) file=${line#*=} ;;
			NRestarts=*) restarts=${line#*=} ;;
			'')
				emit
				id='' load='' active='' sub='' file='' restarts=0
				;;
			esac
		done
		emit
	}

if [ -n "$paths" ]; then
	# shellcheck disable=SC2086
	paths=$(printf '%s\n' $paths | sort -u | tr '\n' ' ')
	# shellcheck disable=SC2086
	contents=$(printf '%s\n' $contents | sort -u | tr '\n' ' ')
	# shellcheck disable=SC2086
	stat -c "path$tab%n$tab%F$tab%a$tab%u$tab%g$tab%s" $paths 2>/dev/null
	for path in $paths; do
		[ -L "$path" ] && say link "$path" "$(readlink "$path")"
	done
	# shellcheck disable=SC2086
	files=$(for path in $paths; do [ -f "$path" ] && [ ! -L "$path" ] && printf '%s ' "$path"; done)
	# shellcheck disable=SC2086
	[ -n "$files" ] && sha256sum $files 2>/dev/null | while read -r digest path; do say digest "$path" "$digest"; done
	for path in $contents; do
		[ -f "$path" ] && [ ! -L "$path" ] && [ "$(stat -c %s "$path")" -le 262144 ] &&
			say contents "$path" "$(base64 -w 0 "$path")"
	done
fi

# shellcheck disable=SC2086
[ -n "$folders" ] && find $folders -mindepth 1 -maxdepth 1 -printf 'entry\t%h\t%f\t%T@\n' 2>/dev/null

command -v ss >/dev/null && ss -Hltnp | while read -r _ _ _ local _ process; do
	process=${process#*\"}
	say listener "${local##*:}" "${local%:*}" "${process%%\"*}"
done
if [ -S /run/docker.sock ]; then
	api=''
	# The engine tells its API version in a header of each answer. Not asked when it is stopped: asking would start it.
	# shellcheck disable=SC2016 # perl's variables
	systemctl -q is-active docker.service && api=$(timeout 5 perl -MIO::Socket::UNIX -e '
		my $engine = IO::Socket::UNIX->new(Peer => "/run/docker.sock") or exit;
		print $engine "GET /_ping HTTP/1.0\r\n\r\n";
		while (<$engine>) { print $1 if /^Api-Version: ([0-9.]+)/i }
	')
	say docker /run/docker.sock "$api"
fi
command -v nginx >/dev/null && say nginx "$(nginx -v 2>&1)"
exit 0
