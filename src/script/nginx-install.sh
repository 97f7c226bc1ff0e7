# nginx-install.sh STALE AVAILABLE ENABLED MODE [DISABLE...] <CONTENTS
# Replaces a site: tried on a copy of /etc/nginx first, then put in place and loaded. The file STALE is there for as long as
# nginx may not go by its files. What is put in place stays there when it is not taken: nginx-restore.sh takes it back.
# Exit 1 with nginx's words on stderr.
set -eu
stale=$1 available=$2 enabled=$3 mode=$4
shift 4
stage=$(mktemp -d /run/stackctl-nginx.XXXXXX)
trap 'rm -rf "$stage"' EXIT
cat >"$stage/site"

cp -a /etc/nginx "$stage/tree"
rm -f "$stage/tree/${available#/etc/nginx/}" "$stage/tree/${enabled#/etc/nginx/}"
for link; do rm -f "$stage/tree/${link#/etc/nginx/}"; done
cp "$stage/site" "$stage/tree/${enabled#/etc/nginx/}"
# The copy must include its own files, not those of the tree in use.
find "$stage/tree" -type f -name '*.conf' -exec sed -i "s|/etc/nginx/|$stage/tree/|g" {} +
nginx -t -q -c "$stage/tree/nginx.conf" >&2

(umask 022 && mkdir -p "${stale%/*}")
: >"$stale"
chmod "$mode" "$stage/site"
cp -a "$stage/site" "$available.stackctl-new"
sync "$available.stackctl-new"
mv -fT "$available.stackctl-new" "$available"
ln -sfnT "../sites-available/${available##*/}" "$enabled"
for link; do rm -f "$link"; done
sync "${available%/*}" "${enabled%/*}"

nginx -t -q >&2
systemctl reload-or-restart nginx.service >&2
rm -f "$stale"
