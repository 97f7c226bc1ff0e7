# push-tree.sh FOLDER ENTRIES <TAR
# Unpacks a tar beside its place and renames it there, so that a folder of this name is always whole. A stream that
# ended before ENTRIES files, folders and links were unpacked is refused with exit 65.
set -eu
umask 022
part=$1.part
rm -rf -- "$part"
mkdir -p "$part"
trap 'rm -rf -- "$part"' EXIT
tar -x --no-same-owner --no-same-permissions -C "$part" -f -
chmod 0755 "$part"
if [ "$(find "$part" -mindepth 1 | wc -l)" -ne "$2" ]; then
	echo "the upload ended too early" >&2
	exit 65
fi
sync -f "$part"
rm -rf -- "$1"
mv -T -- "$part" "$1"
sync "${1%/*}"
trap - EXIT
