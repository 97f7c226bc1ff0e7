# put-file.sh PATH MODE USER GROUP <CONTENTS
# Writes a file whole or not at all: beside its place, to disk, then renamed over it.
set -eu
path=$1 mode=$2 user=$3 group=$4
(umask 022 && mkdir -p "${path%/*}")
part=$(mktemp "${path%/*}/.stackctl.XXXXXX")
trap 'rm -f "$part"' EXIT
cat >"$part"
chown "$user:$group" "$part"
chmod "$mode" "$part"
sync "$part"
mv -fT "$part" "$path"
sync "${path%/*}"
