# put-file.sh PATH MODE USER GROUP [BASE64] <CONTENTS
# Writes a file whole or not at all: beside its place, to disk, then renamed over it. With BASE64, that is its contents; exit
# 3 when it has them already.
set -eu
path=$1 mode=$2 user=$3 group=$4
(umask 022 && mkdir -p "${path%/*}")
part=$(mktemp "${path%/*}/.stackctl.XXXXXX")
trap 'rm -f "$part"' EXIT
if [ $# -gt 4 ]; then
	printf '%s' "$5" | base64 -d >"$part"
	cmp -s "$part" "$path" && exit 3
else
	cat >"$part"
fi
chown "$user:$group" "$part"
chmod "$mode" "$part"
sync "$part"
mv -fT "$part" "$path"
sync "${path%/*}"
