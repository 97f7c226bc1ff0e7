# nginx-restore.sh STALE AVAILABLE MODE CONTENTS [LINK TARGET]...
# Puts a site and its links back as they were and has nginx load them. CONTENTS is base64; it and each TARGET are `-` where
# there was nothing. STALE is nginx-install.sh's. Exit 3 when all is as it was. Where nginx does not take what is
# there then, its words are printed and STALE stays: the site is as it was, and nginx goes by it once the rest is mended.
set -eu
stale=$1 available=$2 mode=$3 contents=$4
shift 4
hold_nginx
part=$available.stackctl-new changed=''
[ -e "$stale" ] && changed=yes
rm -f "$part"
# Until nginx has loaded what is put back.
mark() {
	changed=yes
	(umask 022 && mkdir -p "${stale%/*}")
	: >"$stale"
}

if [ "$contents" = - ]; then
	if [ -e "$available" ]; then
		mark
		# The link first: nginx does not start with one that leads nowhere.
		for link; do [ "$(readlink "$link" || true)" = "../sites-available/${available##*/}" ] && rm -f "$link"; done
		rm -f "$available"
	fi
elif ! printf %s "$contents" | base64 -d | cmp -s - "$available"; then
	mark
	printf %s "$contents" | base64 -d >"$part"
	chmod "$mode" "$part"
	sync "$part"
	mv -fT "$part" "$available"
fi
while [ $# -gt 0 ]; do
	link=$1 target=$2
	shift 2
	is=$(readlink "$link" || true)
	if [ "$target" = - ]; then
		[ -z "$is" ] && [ ! -f "$link" ] && continue
		mark
		rm -f "$link"
	elif [ "$is" != "$target" ] && (cd "${link%/*}" 2>/dev/null && [ -e "$target" ]); then
		mark
		ln -sfnT "$target" "$link"
	fi
	sync "${link%/*}"
done
[ -n "$changed" ] || exit 3
if [ -d "${available%/*}" ]; then sync "${available%/*}"; fi

if systemctl is-active -q nginx.service; then
	nginx -t -q || exit 0
	reload_nginx
elif command -v nginx >/dev/null; then
	# Not waited for: at boot nginx waits for us.
	systemctl --no-block start nginx.service
fi
rm -f "$stale"
