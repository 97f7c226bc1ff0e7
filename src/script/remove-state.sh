# remove-state.sh STATE RUN [KEPT...] <LINE
# Removes all that a stack has in its two folders, but what is KEPT in the folders `secrets`, `databases` and `state` of STATE;
# then those of our folders that are empty. Before that LINE goes to the host's log. Exit 64 for any other folder.
set -eu
state=$1 run=$2
shift 2
case ${state#/var/lib/stackctl/} in '' | */* | .*) exit 64 ;; esac
case ${run#/run/stackctl/} in '' | */* | .*) exit 64 ;; esac
logger -t stackctl || :
rm -rf -- "$run" "$run.nginx-stale"
if [ $# -eq 0 ]; then
	rm -rf -- "$state"
else
	for path in "$state"/* "$state"/.[!.]*; do
		case $path in
		"$state/secrets" | "$state/databases" | "$state/state") ;;
		*) rm -rf -- "$path" ;;
		esac
	done
	for path in "$state"/secrets/* "$state"/databases/* "$state"/state/*; do
		for kept; do
			[ "$path" = "$kept" ] && continue 2
		done
		rm -rf -- "$path"
	done
fi
for folder in "$state"/secrets "$state"/databases "$state"/state /etc/stackctl/firewall/stacks /etc/stackctl/firewall /etc/stackctl /var/lib/stackctl /run/stackctl; do
	[ ! -d "$folder" ] || rmdir --ignore-fail-on-non-empty -- "$folder"
done
# What its loader leaves.
[ -d /etc/stackctl/firewall ] || rm -f /run/stackctl-firewall /run/stackctl-firewall.lock
