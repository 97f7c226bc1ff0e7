# apt.sh refresh | apt.sh install PACKAGE...
# Fetches the package index, or installs packages from the distribution. Waits up to 5 minutes while another program
# holds apt's locks, saying who on stderr; exit 75 when it still does. What apt says goes to stdout; what it could not fetch
# from is named on stderr. An installation that was cut short before is completed.
waited=0
while holder=$(lslocks -rno COMMAND,PID,PATH 2>/dev/null | grep -E '/var/lib/(dpkg/lock|apt/lists/lock)'); do
	if [ "$waited" -ge 300 ]; then
		echo "apt is still held after 5 minutes by: ${holder%% /*}" >&2
		exit 75
	fi
	[ $((waited % 15)) -eq 0 ] && echo "apt is held by ${holder%% /*}; waiting" >&2
	sleep 3
	waited=$((waited + 3))
done
log=$(mktemp) || exit
trap 'rm -f "$log" "$log.status"' EXIT
# Ends with apt's status.
apt() {
	{
		LC_ALL=C apt-get -q -o Acquire::Retries=3 -o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20 "$@" \
			</dev/null 2>&1
		echo $? >"$log.status"
	} | tee "$log"
	mirrors=$(sed -n 's|^[EW]: Failed to fetch \([a-z+]*://[^/ ]*\)[/ ].*|\1|p' "$log" | sort -u | paste -sd ' ' -)
	[ -n "$mirrors" ] &&
		echo "apt could not fetch from $mirrors; see that this host reaches it, or name another in /etc/apt" >&2
	return "$(cat "$log.status")"
}
case $1 in
refresh)
	apt update || exit
	# apt calls it a success when it could fetch nothing at all.
	[ -n "$(find /var/lib/apt/lists -maxdepth 1 -name '*Packages*' 2>/dev/null | head -n 1)" ] || exit 69
	;;
install)
	shift
	dpkg --configure -a --force-confold </dev/null 2>&1 || exit
	# Nothing of what is there is to go for it.
	apt install -y --no-remove --no-install-recommends -o DPkg::Lock::Timeout=60 -o Dpkg::Options::=--force-confold -- "$@"
	;;
*) exit 64 ;;
esac
