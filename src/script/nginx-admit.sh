# nginx-admit.sh STACK
# Runs each time before nginx starts. A stack's site that nginx refuses would keep it from starting, and with it the sites
# of all others: its link is taken out of sites-enabled, and what nginx says of it is printed. Where nginx takes all of
# them, or would not start without them either, nothing is changed. A stack other than STACK whose run was cut short is left to
# its own unit, which comes once that run is taken back. Exit 0.
set -eu
own=$1
state=/var/lib/stackctl
# Each stack has a unit that runs this.
exec 9</etc/nginx
flock -w 60 9
nginx -t -q 2>/dev/null && exit 0

stage=$(mktemp -d /run/stackctl-nginx.XXXXXX)
trap 'rm -rf "$stage"' EXIT
cp -a /etc/nginx "$stage/tree"
find "$stage/tree" -type f -name '*.conf' -exec sed -i "s|/etc/nginx/|$stage/tree/|g" {} +
sites=''
# A folder of their own: a stack may be called as anything else that is staged.
mkdir "$stage/out"
for link in /etc/nginx/sites-enabled/*.conf; do
	name=${link##*/} name=${name%.conf}
	if [ -L "$link" ] && [ -d "$state/$name" ]; then
		mv "$stage/tree/sites-enabled/$name.conf" "$stage/out/$name"
		[ "$name" != "$own" ] && [ -s "$state/$name/pending" ] || sites="$sites $name"
	fi
done
is_taken() { nginx -t -q -c "$stage/tree/nginx.conf" 2>"$stage/said"; }

is_taken || exit 0
for name in $sites; do
	link=sites-enabled/$name.conf
	mv "$stage/out/$name" "$stage/tree/$link"
	is_taken && continue
	rm -f "$stage/tree/$link" "/etc/nginx/$link"
	echo "nginx would not start with /etc/nginx/$link, so it is taken out:"
	sed "s|$stage/tree/|/etc/nginx/|g" "$stage/said"
done
sync /etc/nginx/sites-enabled
