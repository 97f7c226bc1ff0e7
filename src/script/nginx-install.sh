# nginx-install.sh KEEP AVAILABLE ENABLED MODE [DISABLE...] <CONTENTS
# Replaces a site: tried on a copy of /etc/nginx first, then put in place and loaded. What stood there is kept in
# the folder KEEP. When nginx refuses, everything is put back. Exit 1 with nginx's words on stderr.
set -eu
keep=$1 available=$2 enabled=$3 mode=$4
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

rm -rf "$keep"
mkdir -p "$keep"
chmod 0700 "$keep"
[ -e "$available" ] && cp -a "$available" "$keep/available"
[ -L "$enabled" ] && cp -a "$enabled" "$keep/enabled"
for link; do [ -L "$link" ] && cp -a "$link" "$keep/${link##*/}"; done

chmod "$mode" "$stage/site"
cp -a "$stage/site" "$available.stackctl-new"
sync "$available.stackctl-new"
mv -fT "$available.stackctl-new" "$available"
ln -sfnT "../sites-available/${available##*/}" "$enabled"
for link; do rm -f "$link"; done
sync "${available%/*}" "${enabled%/*}"

if nginx -t -q >&2 && systemctl reload-or-restart nginx.service >&2; then
	exit 0
fi
rm -f "$enabled" "$available"
[ -e "$keep/available" ] && cp -a "$keep/available" "$available"
[ -L "$keep/enabled" ] && cp -a "$keep/enabled" "$enabled"
for link; do [ -L "$keep/${link##*/}" ] && cp -a "$keep/${link##*/}" "$link"; done
nginx -t -q 2>/dev/null && systemctl reload-or-restart nginx.service
exit 1
