# keep-copy.sh FROM TO
# Keeps a copy of a file that is about to be replaced, for root alone; one that is not there needs none.
set -eu
[ -f "$1" ] || exit 0
umask 077
mkdir -p "${2%/*}"
part=$(mktemp "${2%/*}/.stackctl.XXXXXX")
trap 'rm -f "$part"' EXIT
cat -- "$1" >"$part"
sync "$part"
mv -fT "$part" "$2"
sync "${2%/*}"
