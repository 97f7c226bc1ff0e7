# secret-generate.sh PATH LENGTH OWNER
# Makes a secret of letters and digits that only OWNER, a numeric user, can read. One that exists is kept.
set -eu
umask 077
[ -s "$1" ] && exit 0
part=$(mktemp "${1%/*}/.stackctl.XXXXXX")
trap 'rm -f "$part"' EXIT
LC_ALL=C tr -dc 'A-Za-z0-9' </dev/urandom | head -c "$2" >"$part"
[ "$(stat -c %s "$part")" -eq "$2" ]
chown "$3:$3" "$part"
sync "$part"
mv -fT "$part" "$1"
sync "${1%/*}"
