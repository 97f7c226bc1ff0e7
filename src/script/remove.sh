# remove.sh PATH
# Removes a file or a link; a folder only where all below it is ours. Exit 64 for any other folder, 3 when nothing is there.
set -eu
case $1 in /etc/nginx/*) hold_nginx ;; esac
[ -e "$1" ] || [ -L "$1" ] || exit 3
if [ -d "$1" ] && [ ! -L "$1" ]; then
	case $1 in
	*/../*) exit 64 ;;
	/var/lib/stackctl/*/releases/?* | /var/lib/stackctl/*/served/?* | /var/lib/stackctl/*/installed/?* | \
		/var/lib/stackctl/*/builds/?* | /var/lib/stackctl/*/assets/?* | /var/lib/stackctl/*/tls/?* | /run/stackctl/*/?*)
		exec rm -rf -- "$1"
		;;
	*) exit 64 ;;
	esac
fi
exec rm -f -- "$1"
