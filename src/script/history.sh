# history.sh HISTORY PENDING LIMIT
# Prints the last LIMIT lines of a history and of what was moved on from it, oldest first, each behind `run` and a tab; then
# the run that has not ended, behind `open` and a tab.
for file in "$1.3" "$1.2" "$1.1" "$1"; do
	[ -r "$file" ] && cat -- "$file"
done | tail -n "$3" | sed 's/^/run	/'
[ -r "$2" ] && head -n 1 "$2" | sed 's/^/open	/'
exit 0
