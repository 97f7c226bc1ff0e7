# firewall-restore.sh STACKS UNIT LIVE LOADED PORTS BEFORE UNIT_FILE BEFORE [FILE BEFORE]...
# Takes a change of the firewall back: the files, then the table and the note of what is loaded. LIVE, LOADED and each
# BEFORE are base64, or `-` where there was nothing. PORTS is the stack's own file in the folder STACKS; the others are
# all stacks', and go only with the last of them. Exit 3 when all is as it was.
set -eu
stacks=$1 unit=$2 live=$3 loaded=$4 ports=$5 ports_before=$6 unit_file=$7 unit_before=$8
shift 6
record=/run/stackctl-firewall
exec 9>"$record.lock"
flock 9
part='' changed=''
trap 'rm -f "$part"' EXIT

decoded() {
	if [ "$1" != - ]; then printf %s "$1" | base64 -d; fi
}

# put FILE BEFORE
put() {
	if [ "$2" = - ]; then
		[ -e "$1" ] || return 0
		rm -f "$1"
	else
		decoded "$2" | cmp -s - "$1" && return 0
		mkdir -p "${1%/*}"
		part=$(mktemp "${1%/*}/.stackctl.XXXXXX")
		decoded "$2" >"$part"
		chmod 0644 "$part"
		sync "$part"
		mv -fT "$part" "$1"
	fi
	sync "${1%/*}"
	changed=yes
	case $1 in "$unit_file") systemctl daemon-reload ;; esac
}

put "$ports" "$ports_before"
others=''
for stack in "$stacks"/*.nft; do
	if [ -e "$stack" ] && [ "$stack" != "$ports" ]; then others=yes; fi
done
if [ -z "$others" ] && [ "$unit_before" = - ] && [ -e "$unit_file" ]; then
	systemctl disable -q --now "$unit"
fi
while [ "$#" -gt 0 ]; do
	if [ -z "$others" ] || [ "$2" != - ]; then put "$1" "$2"; fi
	shift 2
done

if [ "$(nft -s list table inet stackctl 2>/dev/null || true)" = "$(decoded "$live")" ] &&
	[ "$(cat "$record" 2>/dev/null || true)" = "$(decoded "$loaded")" ]; then
	[ -n "$changed" ] && exit 0
	exit 3
fi
if [ -n "$others" ]; then
	# They may have changed since. The loader takes the lock itself.
	exec 9>&-
	exec sh /etc/stackctl/firewall/load.sh
fi
{
	echo 'table inet stackctl'
	echo 'delete table inet stackctl'
	decoded "$live"
} | nft -f -
if [ "$loaded" = - ]; then
	rm -f "$record"
else
	decoded "$loaded" >"$record"
fi
