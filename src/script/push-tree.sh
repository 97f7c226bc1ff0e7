# push-tree.sh FOLDER <TAR
# Unpacks a tar beside its place and renames it there, so that a folder of this name is always whole.
set -eu
umask 022
part=$1.part
rm -rf -- "$part"
mkdir -p "$part"
trap 'rm -rf -- "$part"' EXIT
tar -x --no-same-owner --no-same-permissions -C "$part" -f -
chmod 0755 "$part"
sync -f "$part"
rm -rf -- "$1"
mv -T -- "$part" "$1"
sync "${1%/*}"
trap - EXIT
