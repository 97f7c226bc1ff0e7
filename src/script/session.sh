# session: answers framed requests on stdin one after another, as root, until stdin ends.
# request: ID SCRIPT_BYTES INPUT_BYTES SECONDS [LOCK], a newline, the script, its input
# with LOCK, the script gets this file on descriptor 9, and a flock(2) that it takes there lasts as long as the session:
# it is free the moment that our client is gone
# answer:  ID STATUS OUT_BYTES ERR_BYTES, a newline, stdout, stderr; STATUS is 124 when SECONDS were not enough
# exits with 94 when no folder could be made
STACKCTL_SESSION=$(mktemp -d /run/stackctl.XXXXXXXX 2>/dev/null) ||
    STACKCTL_SESSION=$(mktemp -d /tmp/stackctl.XXXXXXXX) || exit 94
export STACKCTL_SESSION
# Relays see the folder go and end.
trap 'rm -rf "$STACKCTL_SESSION"' EXIT
trap 'exit 143' HUP INT TERM PIPE
script=$STACKCTL_SESSION/script input=$STACKCTL_SESSION/input
out=$STACKCTL_SESSION/out err=$STACKCTL_SESSION/err
echo stackctl-ready
while IFS=' ' read -r id script_bytes input_bytes seconds lock; do
    head -c "$script_bytes" >"$script"
    if [ -n "$lock" ]; then
        # Tried in a subshell first: a failed redirection of `:` or `exec` ends the shell itself.
        (umask 022 && mkdir -p "${lock%/*}") && (umask 077 && : >>"$lock") 2>/dev/null && exec 9>>"$lock"
        timeout -k 2 "$seconds" sh "$script" </dev/null >"$out" 2>"$err"
        status=$?
        [ "$status" -eq 0 ] || exec 9>&-
    elif [ "$input_bytes" -gt 0 ]; then
        head -c "$input_bytes" >"$input"
        timeout -k 2 "$seconds" sh "$script" <"$input" >"$out" 2>"$err" 9>&-
        status=$?
        # It may have held a secret.
        : >"$input"
    else
        timeout -k 2 "$seconds" sh "$script" </dev/null >"$out" 2>"$err" 9>&-
        status=$?
    fi
    if [ -s "$out" ] || [ -s "$err" ]; then
        # shellcheck disable=SC2046 # two numbers
        set -- $(stat -c %s "$out" "$err")
        echo "$id $status $1 $2"
        cat "$out" "$err"
    else
        echo "$id $status 0 0"
    fi
done
