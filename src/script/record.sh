# record.sh HISTORY PENDING <LINE
# Ends a run: adds its line to a history that only root can read, and removes what the host knew of it meanwhile, unless that
# holds what is still to be taken back. A history above 1 MiB is moved on, and the third that was moved is dropped.
set -eu
umask 077
size=$(stat -c %s "$1" 2>/dev/null || echo 0)
if [ "$size" -gt 1048576 ]; then
	[ -e "$1.2" ] && mv -fT "$1.2" "$1.3"
	[ -e "$1.1" ] && mv -fT "$1.1" "$1.2"
	mv -fT "$1" "$1.1"
fi
cat >>"$1"
sync "$1"
if [ -e "$2" ] && [ "$(wc -l <"$2")" -le 1 ]; then
	rm -f "$2"
	sync "${2%/*}"
fi
