# verify-unit.sh NAME FOLDER PATH PROGRAM <UNIT
# Has systemd read a unit called NAME that stands nowhere yet. Exit 1 when it would not load it; what it only warns of is on
# stderr. Exit 69 when there is no PROGRAM in FOLDER or along PATH.
set -eu
staged=$(mktemp -d)
trap 'rm -rf "$staged"' EXIT
cat >"$staged/$1"
if ! said=$(systemd-analyze verify "$staged/$1" 2>&1); then
	printf '%s\n' "$said" >&2
	exit 1
fi
# Verified with it are the units that it names, which may be anybody's.
printf '%s\n' "$said" | grep -F "$1" >&2 || true
program=$4 path=$3
cd "$2"
case $program in
*/*) [ -f "$program" ] && [ -x "$program" ] && exit 0 ;;
*)
	IFS=:
	for folder in $path; do
		[ -f "$folder/$program" ] && [ -x "$folder/$program" ] && exit 0
	done
	unset IFS
	;;
esac
echo "there is no program $program: it was looked for in $2 and along $path" >&2
exit 69
