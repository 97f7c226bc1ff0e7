# arm.sh PENDING HISTORY <UNDO
# Gives the host what takes a run back, before its first step; see recover.sh. Exit 73 when what will be done could not be
# written down in HISTORY.
set -eu
umask 077
(umask 022 && mkdir -p "${1%/*}")
# In a subshell: a redirection of `:` that fails ends the shell itself.
if ! (: >>"$2") 2>/dev/null; then
	echo "$2 cannot be written: make it a file that root may write to, or move it away" >&2
	exit 73
fi
part=$(mktemp "${1%/*}/.stackctl.XXXXXX")
trap 'rm -f "$part"' EXIT
cat >"$part"
# What an earlier run left and could not be taken back yet, behind our own.
[ -e "$1" ] && tail -n +2 "$1" >>"$part"
sync "$part"
mv -fT "$part" "$1"
sync "${1%/*}"
