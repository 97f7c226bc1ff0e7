# lock-hold.sh HOLD <OWNER
# Puts a stack on hold: writes OWNER, a JSON object in one line, to the file HOLD with the time.
set -eu
umask 077
(umask 022 && mkdir -p "${1%/*}")
part=$(mktemp "${1%/*}/.stackctl.XXXXXX")
trap 'rm -f "$part"' EXIT
sed "s/}\$/,\"since\":\"$(date -u +%Y-%m-%dT%H:%M:%SZ)\"}/" >"$part"
sync "$part"
mv -fT "$part" "$1"
sync "${1%/*}"
