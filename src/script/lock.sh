# lock.sh FILE OWNER
# Takes the lock that descriptor 9 was opened for; see session.sh, which keeps it. Exit 75 when another has it, with
# that one's own words on stdout; exit 73 when FILE could not be opened.
true 2>/dev/null >&9 || {
	echo "cannot open $1" >&2
	exit 73
}
if ! flock -n 9; then
	cat -- "$1"
	exit 75
fi
printf '%s, since %s\n' "$2" "$(date -u '+%Y-%m-%d %H:%M:%S UTC')" >"$1"
