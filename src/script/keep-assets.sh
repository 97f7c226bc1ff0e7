# keep-assets.sh TO RELEASE... -- FOLDER...
# Gathers each FOLDER of the RELEASEs below TO, by hard links, beside its place and then renamed there, so that a folder of this
# name is always whole. Exit 3 when it is there.
set -eu
umask 022
to=$1
shift
[ ! -d "$to" ] || exit 3
mkdir -p "${to%/*}"
part=$to.part
rm -rf -- "$part"
trap 'rm -rf -- "$part"' EXIT
mkdir "$part"
releases=''
while [ "$1" != -- ]; do
	# Our own paths have no blanks.
	releases="$releases $1"
	shift
done
shift
for folder; do
	mkdir -p "$part/$folder"
	for release in $releases; do
		[ ! -d "$release/$folder" ] || cp -alf -- "$release/$folder/." "$part/$folder/"
	done
done
sync -f "$part"
mv -T -- "$part" "$to"
sync "${to%/*}"
trap - EXIT
