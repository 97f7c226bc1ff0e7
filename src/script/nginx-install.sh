# nginx-install.sh STALE AVAILABLE ENABLED MODE [DISABLE...] <CONTENTS
# Replaces a site: tried on a copy of /etc/nginx first, then put in place and loaded. The file STALE is there for as long as
# nginx may not go by its files. What is put in place stays there when it is not taken: nginx-restore.sh takes it back.
# Exit 1 with nginx's words on stderr; 4 when nginx refuses what is there also without this site, so that nothing was tried.
set -eu
stale=$1 available=$2 enabled=$3 mode=$4
shift 4
stage=$(mktemp -d /run/stackctl-nginx.XXXXXX)
trap 'rm -rf "$stage"' EXIT
cat >"$stage/site"

hold_nginx
cp -a /etc/nginx "$stage/tree"
rm -f "$stage/tree/${available#/etc/nginx/}" "$stage/tree/${enabled#/etc/nginx/}"
for link; do rm -f "$stage/tree/${link#/etc/nginx/}"; done
cp "$stage/site" "$stage/tree/${enabled#/etc/nginx/}"
# The copy must include its own files, not those of the tree in use.
find "$stage/tree" -type f -name '*.conf' -exec sed -i "s|/etc/nginx/|$stage/tree/|g" {} +
# In the words of nginx, what it refuses stands where its own files are.
is_taken() { nginx -t -q -c "$stage/tree/nginx.conf" 2>"$stage/said"; }
say() { sed "s|$stage/tree/|/etc/nginx/|g" "$stage/said" >&2; }
if ! is_taken; then
	cp "$stage/said" "$stage/with"
	rm -f "$stage/tree/${enabled#/etc/nginx/}"
	if ! is_taken; then
		say
		exit 4
	fi
	cp "$stage/with" "$stage/said"
	say
	exit 1
fi

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
if systemctl is-active -q nginx.service; then
	reload_nginx
else
	# What comes before its start waits for us.
	exec 9<&-
	systemctl restart nginx.service >&2
fi
rm -f "$stale"
