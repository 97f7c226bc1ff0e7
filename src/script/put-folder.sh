# put-folder.sh PATH MODE USER GROUP
# Makes a folder what it should be. Exit 3 when it is.
set -eu
[ -d "$1" ] && [ "$(stat -c %a:%u:%g "$1")" = "${2#0}:$3:$4" ] && exit 3
(umask 022 && mkdir -p "$(dirname "$1")")
[ -d "$1" ] || mkdir -m 0700 "$1"
chown "$3:$4" "$1"
chmod "$2" "$1"
