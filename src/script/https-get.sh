# https-get.sh PORT NAME PATH
# Asks this host's own nginx for PATH of the site NAME by HTTPS. Prints the status of the answer; whether the certificate
# is one that visitors trust is not looked at. Exit 1 without an answer, with what openssl says on stderr.
set -u
said=$(mktemp) || exit
trap 'rm -f "$said"' EXIT
answer=$(printf 'GET %s HTTP/1.0\r\nHost: %s\r\nUser-Agent: stackctl\r\nConnection: close\r\n\r\n' "$3" "$2" |
	timeout 10 openssl s_client -quiet -connect "127.0.0.1:$1" -servername "$2" 2>"$said" | head -n 1 | tr -d '\0')
status=${answer#HTTP/* }
if [ "$status" = "$answer" ]; then
	grep -m 1 -iE 'alert|error|refused|not found' "$said" >&2 || echo 'no answer by HTTPS' >&2
	exit 1
fi
printf '%s\n' "${status%%[!0-9]*}"
