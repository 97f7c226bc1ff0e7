# apt.sh refresh | apt.sh install PACKAGE...
# Fetches the package index, or installs packages from the distribution. Waits up to 5 minutes while another program
# holds apt's locks, saying who on stderr; exit 75 when it still does. What apt says goes to stdout. An installation
# that was cut short before is completed.
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
case $1 in
refresh)
	exec apt-get update -q -o Acquire::Retries=3 </dev/null 2>&1
	;;
install)
	shift
	dpkg --configure -a --force-confold </dev/null 2>&1 || exit
	exec apt-get install -q -y --no-install-recommends \
		-o Acquire::Retries=3 -o DPkg::Lock::Timeout=60 -o Dpkg::Options::=--force-confold -- "$@" </dev/null 2>&1
	;;
*) exit 64 ;;
esac
