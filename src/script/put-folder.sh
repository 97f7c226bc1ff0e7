# put-folder.sh PATH MODE USER GROUP
set -eu
(umask 022 && mkdir -p "$(dirname "$1")")
[ -d "$1" ] || mkdir -m 0700 "$1"
chown "$3:$4" "$1"
chmod "$2" "$1"
