# hook.sh BYTES [NAME=VALUE]... -- [ARGUMENT]... <SCRIPT
# Runs a script of the project with these variables and arguments, in a folder of its own that is gone afterwards: by
# the program that its first line names with #!, else by sh. A script that did not come whole is refused with exit 65.
# Exit: the script's own.
set -euf
umask 077
bytes=$1
shift
while [ "$1" != -- ]; do
	export "${1?}"
	shift
done
shift
folder=$(mktemp -d /run/stackctl-hook.XXXXXXXX 2>/dev/null) || folder=$(mktemp -d)
trap 'rm -rf -- "$folder"' EXIT
trap 'exit 143' HUP INT TERM
cat >"$folder/script"
if [ "$(stat -c %s "$folder/script")" -ne "$bytes" ]; then
	echo "the script did not come whole" >&2
	exit 65
fi
IFS= read -r first <"$folder/script" || true
case $first in
'#!'*)
	# As the kernel would, which may not run what lies on a file system mounted with noexec, as /run often is.
	# shellcheck disable=SC2086 # a program and perhaps its argument
	set -- ${first#'#!'} "$folder/script" "$@"
	;;
*) set -- sh "$folder/script" "$@" ;;
esac
cd "$folder"
status=0
"$@" </dev/null || status=$?
exit "$status"
