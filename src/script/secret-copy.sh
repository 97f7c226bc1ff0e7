# secret-copy.sh FROM TO USER GROUP
# Hands a secret to one user: a copy that nobody else can read.
set -eu
umask 077
part=$(mktemp "${2%/*}/.stackctl.XXXXXX")
trap 'rm -f "$part"' EXIT
cat -- "$1" >"$part"
chown "$3:$4" "$part"
chmod 0400 "$part"
sync "$part"
mv -fT "$part" "$2"
sync "${2%/*}"
