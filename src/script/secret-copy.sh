# secret-copy.sh FROM TO USER GROUP MODE [BEFORE AFTER]
# Hands a secret to one user: a copy with MODE. BEFORE and AFTER make it part of something longer, as of a URL.
set -eu
umask 077
part=$(mktemp "${2%/*}/.stackctl.XXXXXX")
trap 'rm -f "$part"' EXIT
if [ $# -gt 5 ]; then
	# Without the end of its line, of either kind.
	value=$(cat -- "$1")
	printf '%s%s%s' "$6" "${value%"$(printf '\r')"}" "$7" >"$part"
else
	cat -- "$1" >"$part"
fi
chown "$3:$4" "$part"
chmod "$5" "$part"
sync "$part"
mv -fT "$part" "$2"
sync "${2%/*}"
