# ready-link.sh STORE VOLUME — gives the engine of a host, whose folder is VOLUME, the images of STORE: layers as hard links,
# since no engine ever writes to one that is there, and copies of what it does write to.
# An engine that has images already is left alone. The folder `image` comes last and whole: without it there are none.
set -eu
store=$1 volume=$2
if [ -d "$volume/image" ]; then exit 0; fi
rm -rf "$volume/overlay2" "$volume/image.part"
cp -al "$store/overlay2" "$volume/"
cp -a "$store/image" "$volume/image.part"
mv "$volume/image.part" "$volume/image"
