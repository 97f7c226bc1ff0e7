# push-tree.sh FOLDER DIGEST <TAR
# Unpacks a tar beside its place and renames it there, so that a folder of this name is always whole. DIGEST stands for
# every name, kind and byte that must come out. What ended too early or came out otherwise is thrown away: exit 65.
set -eu
umask 022
# Names are sorted by their bytes.
LC_ALL=C
export LC_ALL
part=$1.part
rm -rf -- "$part"
mkdir -p "$part"
trap 'rm -rf -- "$part"' EXIT
damaged() {
	echo "what arrived for $1 is not what was sent" >&2
	exit 65
}
tar -x --no-same-owner --no-same-permissions -C "$part" -f - || damaged "$1"
chmod 0755 "$part"
# In SourceTree::unpacked_digest is the same in Rust.
digest=$(
	cd "$part"
	{
		find . -mindepth 1 -printf '%y %p %l\0' | sort -z
		find . -type f -perm -100 -print0 | sort -z
		find . -type f -print0 | sort -z | xargs -0 -r sha256sum -z --
	} | sha256sum
)
[ "${digest%% *}" = "$2" ] || damaged "$1"
sync -f "$part"
rm -rf -- "$1"
mv -T -- "$part" "$1"
sync "${1%/*}"
trap - EXIT
