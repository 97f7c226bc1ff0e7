# switch.sh LINK TARGET
# Puts a symbolic link in place by rename(2): whoever follows it meets the old release or the new, never neither.
set -eu
(umask 022 && mkdir -p "${1%/*}")
part=${1%/*}/.${1##*/}.$$
trap 'rm -f "$part"' EXIT
ln -s -- "$2" "$part"
mv -fT -- "$part" "$1"
sync "${1%/*}"
