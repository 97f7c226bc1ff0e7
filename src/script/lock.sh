# lock.sh FILE OWNER
# Holds the lock for as long as stdin is open. Prints `locked` when it has it; exit 75 when another has it, with
# that one's own words on stdout.
set -eu
umask 077
(umask 022 && mkdir -p "${1%/*}")
exec 9>>"$1"
if ! flock -n 9; then
	cat -- "$1"
	exit 75
fi
printf '%s, since %s\n' "$2" "$(date -u '+%Y-%m-%d %H:%M:%S UTC')" >"$1"
echo locked
cat >/dev/null
: >"$1"
