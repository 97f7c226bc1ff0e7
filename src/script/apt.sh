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
	# By default a source that cannot be reached is a warning and exit 0.
	apt-get update -q -o Acquire::Retries=3 -o APT::Update::Error-Mode=any </dev/null 2>&1 && exit
	status=$?
	if ! find /var/lib/apt/lists -maxdepth 1 -name '*Packages*' | grep -q .; then
		echo 'no package source could be reached; /etc/apt says where they are, and by which proxy'
		exit "$status"
	fi
	echo 'some package sources could not be reached; going on with what is known of them' >&2
	;;
install)
	shift
	dpkg --configure -a --force-confold </dev/null 2>&1 || exit
	exec apt-get install -q -y --no-install-recommends \
		-o Acquire::Retries=3 -o DPkg::Lock::Timeout=60 -o Dpkg::Options::=--force-confold -- "$@" </dev/null 2>&1
	;;
*) exit 64 ;;
esac
