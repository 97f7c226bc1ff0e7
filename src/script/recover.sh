# recover.sh PENDING HISTORY WHY
# Takes back what a run left unfinished. PENDING holds the run as a JSON object in one line, then a line for each thing to
# take back, in this order: its words, a tab, a POSIX sh script as base64. Prints `undone`, a tab and the words, or
# `failed`, a tab, the words, a tab and the last line that the script said; after a failure nothing more is tried, since
# what comes later counts on it. A script that ends with 3 had nothing to take back. Then the run is added to HISTORY with
# its outcome, which is WHY's first word (`failed` or `interrupted`, then a colon), and PENDING is removed or, after a
# failure, keeps what is still to be done. With an empty HISTORY, whoever asked writes it down. Exit 1 after a failure.
# Without PENDING there is nothing to do. Files that were being written beside their places when a run was killed go.
set -u
umask 077
pending=$1 history=$2 why=$3
state=${pending%/*}
find "$state" "/run/stackctl/${state##*/}" -maxdepth 4 -path "$state/state" -prune -o -name '.stackctl.??????' ! -type d \
	-exec rm -f {} + 2>/dev/null
# Other stacks write there as well: theirs are younger.
find /etc/systemd/system /etc/tmpfiles.d /etc/nginx/sites-available -maxdepth 1 -name '.stackctl.??????' -type f -mmin +60 \
	-exec rm -f {} + 2>/dev/null
[ -s "$pending" ] || {
	rm -f "$pending"
	exit 0
}
work=$(mktemp -d /run/stackctl-recover.XXXXXXXX 2>/dev/null) || work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT

# The words, as the inside of a JSON string.
inside() { printf '%s' "$1" | tr '\000-\037\177' ' ' | sed 's/\\/\\\\/g; s/"/\\"/g'; }

# What holds on to a release that is taken back may hold up whoever waits for the lock, but not for long.
case $why in
failed*) export STACKCTL_DRAIN_LIMIT=30 ;;
*) export STACKCTL_DRAIN_LIMIT=3 ;;
esac

run=$(head -n 1 "$pending")
all=$(wc -l <"$pending")
undone='' failed='' number=2
while [ "$number" -le "$all" ]; do
	sed -n "${number}{p;q;}" "$pending" >"$work/line"
	words=$(cut -f 1 "$work/line")
	status=1
	: >"$work/said"
	if cut -s -f 2 "$work/line" | base64 -d >"$work/script" 2>"$work/said" && [ -s "$work/script" ]; then
		timeout -k 2 60 sh "$work/script" </dev/null >"$work/said" 2>&1
		status=$?
	fi
	if [ "$status" -eq 3 ]; then
		number=$((number + 1))
		continue
	fi
	if [ "$status" -ne 0 ]; then
		said=$(grep . "$work/said" | tail -n 1)
		[ "$status" -ne 124 ] || said='not done within 60 s'
		[ -n "$said" ] || said="exit $status"
		printf 'failed\t%s\t%s\n' "$words" "$said"
		failed=$words
		break
	fi
	printf 'undone\t%s\n' "$words"
	undone="$undone,\"$(inside "$words")\""
	number=$((number + 1))
done

outcome=${why%%:*}
[ "$outcome" = failed ] || outcome=interrupted
line="${run%\}},\"ended\":\"$(date -u +%Y-%m-%dT%H:%M:%SZ)\",\"outcome\":\"$outcome\",\"why\":\"$(inside "$why")\""
line="$line,\"undone\":[${undone#,}]"
[ -z "$failed" ] || line="$line,\"not_undone\":\"$(inside "$failed")\""
# A history that cannot be written keeps nothing from being in order.
[ -z "$history" ] || { printf '%s}\n' "$line" >>"$history" && sync "$history"; }

if [ -n "$failed" ]; then
	# Where the disk is full the old one stays: what was taken back already is harmless to take back again.
	if { printf '%s\n' "$run" && tail -n "+$number" "$pending"; } >"$pending.part" && sync "$pending.part"; then
		mv -fT "$pending.part" "$pending"
	else
		rm -f "$pending.part"
	fi
	sync "${pending%/*}"
	exit 1
fi
rm -f "$pending"
sync "${pending%/*}"
