# doctor.sh [STATE LOCK PROGRAM...]
# Prints what could be wrong with this host, one thing a line, fields separated by tabs; STATE is a stack's folder and
# LOCK its lock. Without arguments it says nothing: that is how long a round trip takes. Exit 0, and nothing is changed.
tab=$(printf '\t')
say() {
	IFS=$tab
	printf '%s\n' "$*"
	unset IFS
}
[ $# -gt 0 ] || exit 0
state=$1 lock=$2
shift 2
say clock "$(date +%s)"
for program; do
	if command -v "$program" >/dev/null 2>&1; then say program "$program" yes; else say program "$program" no; fi
done
systemctl list-units --failed --plain --no-legend 2>/dev/null | while read -r unit _; do say failed "$unit"; done
while read -r key value _; do
	case $key in SwapTotal:) say swap "$value" ;; esac
done </proc/meminfo
synchronized=$(timedatectl show -p NTPSynchronized --value 2>/dev/null)
[ -n "$synchronized" ] && say synchronized "$synchronized"
[ -e /run/reboot-required ] && say reboot "$(sort -u /run/reboot-required.pkgs 2>/dev/null | tr '\n' ' ')"
if command -v nginx >/dev/null 2>&1; then
	if said=$(nginx -t -q 2>&1); then
		say nginx yes ''
	else
		# `nginx: [emerg] …`, or with time and process before it.
		said=$(printf '%s\n' "$said" | grep -m 1 -F '[emerg]' || printf '%s\n' "$said" | tail -n 1)
		say nginx no "$(printf '%s\n' "${said#*'[emerg] '}" | sed 's/^[0-9]*#[0-9]*: //')"
	fi
fi
for address in $(hostname -I 2>/dev/null); do say address "$address"; done
[ -s "$state/pending" ] && say pending "$(head -n 1 "$state/pending" | head -c 2000 | tr '\t' ' ')"
[ -s "$state/hold" ] && say hold "$(head -n 1 "$state/hold" | head -c 2000 | tr '\t' ' ')"
# Opened for reading, so that looking makes nothing.
[ -e "$lock" ] && ! flock -n "$lock" true 2>/dev/null && say locked "$(head -n 1 "$lock" | head -c 2000 | tr '\t' ' ')"
upgrades=$(apt-config dump APT::Periodic::Unattended-Upgrade 2>/dev/null)
case $upgrades in *'"1"'*) [ -x /usr/bin/unattended-upgrade ] && say upgrades yes ;; esac
grep -qs '"live-restore"[[:space:]]*:[[:space:]]*true' /etc/docker/daemon.json && say live-restore yes
exit 0
