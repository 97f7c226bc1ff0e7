# lock-status.sh LOCK HOLD PENDING
# Prints how the lock of a stack stands, with tabs between: `held`, seconds and the owner when a run holds LOCK; `hold` and
# the owner when the stack is on hold; `unfinished` and the run when PENDING is there. Takes nothing: see proc(5), locks.
if [ -e "$1" ]; then
	# shellcheck disable=SC2046 # two numbers
	set -- "$1" "$2" "$3" $(stat -c '%d %i' "$1")
	if awk -v device="$4" -v inode="$5" '
		BEGIN {
			minor = device % 256 + int(device / 1048576) * 256
			place = sprintf("%02x:%02x:%d", int(device / 256) % 4096, minor, inode)
		}
		$2 == "FLOCK" && $6 == place { held = 1 }
		END { exit !held }
	' /proc/locks; then
		owner=$(sed -n 2p "$1")
		began=$(printf '%s\n' "$owner" | sed -n 's/.*"uptime":\([0-9]*\).*/\1/p')
		read -r now _ </proc/uptime
		printf 'held\t%d\t%s\n' $((${now%.*} - ${began:-${now%.*}})) "${owner:-{\}}"
	fi
fi
[ -e "$2" ] && printf 'hold\t%s\n' "$(head -n 1 "$2")"
[ -e "$3" ] && printf 'unfinished\t%s\n' "$(head -n 1 "$3")"
exit 0
