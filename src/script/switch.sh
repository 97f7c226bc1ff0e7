# switch.sh LINK TARGET
# Puts a symbolic link in place by rename(2): whoever follows it meets the old release or the new, never neither. Exit 3 when it leads there already.
set -eu
[ "$(readlink -- "$1" || true)" = "$2" ] && exit 3
(umask 022 && mkdir -p "${1%/*}")
part=$(mktemp -u "${1%/*}/.stackctl.XXXXXX")
trap 'rm -f "$part"' EXIT
ln -s -- "$2" "$part"
mv -fT -- "$part" "$1"
sync "${1%/*}"
