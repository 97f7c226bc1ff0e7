# nginx-restore.sh KEEP AVAILABLE ENABLED [DISABLE...]
# Puts back what nginx-install.sh kept.
set -eu
keep=$1 available=$2 enabled=$3
shift 3
[ -d "$keep" ] || exit 0
rm -f "$enabled" "$available"
[ -e "$keep/available" ] && cp -a "$keep/available" "$available"
[ -L "$keep/enabled" ] && cp -a "$keep/enabled" "$enabled"
for link; do [ -L "$keep/${link##*/}" ] && cp -a "$keep/${link##*/}" "$link"; done
nginx -t -q >&2
exec systemctl reload-or-restart nginx.service
