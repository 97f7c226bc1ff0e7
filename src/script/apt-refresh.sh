# apt-refresh.sh
# Fetches the package index. Waits up to 5 minutes while another program holds apt; exit 75 when it still does.
waited=0
while holder=$(lslocks -rno COMMAND,PID,PATH 2>/dev/null | grep -E '/var/lib/(dpkg/lock|apt/lists/lock)'); do
	if [ "$waited" -ge 300 ]; then
		echo "apt is still held after 5 minutes by: ${holder%% /*}" >&2
		exit 75
	fi
	[ $((waited % 15)) -eq 0 ] && echo "apt is held by ${holder%% /*}; waiting"
	sleep 3
	waited=$((waited + 3))
done
exec apt-get update -q -o Acquire::Retries=3 </dev/null
