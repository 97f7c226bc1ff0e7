# certificate-obtain.sh NAME CHALLENGES DIRECTORY EMAIL keep|replace DOMAIN...
# Has certbot obtain the certificate NAME for the DOMAINs from the authority of DIRECTORY, renew it from then on and have
# nginx load each new one. The authority's challenges are put below CHALLENGES, which nginx serves. EMAIL is `-` for an
# account without. `keep` leaves one alone that is not due. Exit 69 when the authority could not be asked, 75 when it was
# asked too often. What certbot says goes to stdout; where names lead that were refused, and the authority's words, to stderr.
name=$1 challenges=$2 directory=$3 email=$4 replace=$5
shift 5
domains=$*
waited=0
# Its timer has just begun to renew: of two, the second gives up.
while [ "$(systemctl is-active certbot.service 2>/dev/null)" = activating ] && [ "$waited" -lt 120 ]; do
	[ "$waited" -ne 0 ] || echo "certbot is renewing certificates; waiting" >&2
	sleep 2
	waited=$((waited + 2))
done
for domain; do
	set -- "$@" -d "$domain"
	shift
done
if [ "$email" = - ]; then
	set -- "$@" --register-unsafely-without-email
else
	set -- "$@" --email "$email"
fi
case $replace in
replace) set -- "$@" --force-renewal ;;
*) set -- "$@" --keep-until-expiring ;;
esac
# By the distribution's settings certbot adds to its log, by its own it begins a new one each time.
log=/var/log/letsencrypt/letsencrypt.log
inode=$(stat -c %i "$log" 2>/dev/null || echo 0)
known=$(stat -c %s "$log" 2>/dev/null || echo 0)
LC_ALL=C certbot certonly --non-interactive --agree-tos --webroot --webroot-path "$challenges" --server "$directory" \
	--cert-name "$name" --renew-with-new-domains --deploy-hook 'systemctl reload nginx.service' "$@" </dev/null 2>&1
status=$?
[ "$status" -ne 0 ] || exit 0
own=$(hostname -I 2>/dev/null | tr -s ' ' | sed 's/ $//')
for domain in $domains; do
	found=$(timeout 10 getent ahosts "$domain" | sed 's/ .*//' | sort -u | paste -sd ' ' -)
	echo "$domain leads to ${found:-no address}; this host has ${own:-no address}" >&2
done
[ "$(stat -c %i "$log" 2>/dev/null || echo 0)" = "$inode" ] || known=0
said=$(mktemp) || exit 1
trap 'rm -f "$said"' EXIT
tail -c "+$((known + 1))" "$log" >"$said" 2>/dev/null
# Some versions of certbot fall over the answer of an authority, and do not tell it.
grep -oE '"detail": *"([^"\\]|\\.)*"' "$said" | tail -n 1 | sed 's/^"detail": *"\(.*\)"$/the authority said: \1/' >&2
# ACME's own names of errors (RFC 8555, section 6.7).
if grep -qs 'urn:ietf:params:acme:error:rateLimited' "$said"; then exit 75; fi
if ! grep -qs 'urn:ietf:params:acme:error:' "$said" && grep -qsE 'ConnectionError|SSLError|Timeout' "$said"; then exit 69; fi
exit 1
