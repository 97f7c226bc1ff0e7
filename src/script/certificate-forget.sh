# certificate-forget.sh NAME
# Has certbot renew a certificate no more, and remove it. Exit 3 when it does not know it.
waited=0
# Its timer may be renewing: of two, the second gives up.
while [ "$(systemctl is-active certbot.service 2>/dev/null)" = activating ] && [ "$waited" -lt 120 ]; do
	sleep 2
	waited=$((waited + 2))
done
[ -e "/etc/letsencrypt/renewal/$1.conf" ] || exit 3
LC_ALL=C certbot delete --non-interactive --cert-name "$1" 2>&1
