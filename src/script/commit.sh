# commit.sh PENDING TIME [serves MARK | leaves MARK | served@WHEN MARK]... <LATER
# Marks the releases that serve from now on, at TIME in seconds since the epoch, and those that served before and lost their
# marks, and forgets what would take the run back until here. LATER is what PENDING is from then on: the run's first line,
# which stays until the run has ended, and what takes back what comes after.
set -eu
pending=$1 time=$2
shift 2
umask 022
while [ $# -ge 2 ]; do
	mkdir -p "${2%/*}"
	case $1 in
	leaves) [ -e "$2" ] && mv -fT "$2" "$2.left" ;;
	serves)
		rm -f "$2.left"
		touch -d "@$time" "$2"
		;;
	served@*) [ -e "$2" ] || touch -d "@${1#served@}" "$2" ;;
	esac
	sync "${2%/*}"
	shift 2
done
[ -e "$pending" ] || exit 0
umask 077
part=$(mktemp "${pending%/*}/.stackctl.XXXXXX")
trap 'rm -f "$part"' EXIT
cat >"$part"
sync "$part"
mv -fT "$part" "$pending"
sync "${pending%/*}"
