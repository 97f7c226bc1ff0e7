# session: answers framed requests on stdin one after another, as root, until stdin ends.
# request: ID SCRIPT_BYTES INPUT_BYTES SECONDS [LOCK TOKEN], a newline, the script, its input
# with LOCK and TOKEN, the script is lock.sh; once it has ended with 0, a request is only run while the first line of
# the file LOCK names TOKEN, as lease.pl writes it
# answer:  ID STATUS OUT_BYTES ERR_BYTES, a newline, stdout, stderr; STATUS is 124 when SECONDS were not enough, and the word
# `fenced`, with nothing run, when the lock is another's by now
# exits with 94 when no folder could be made
STACKCTL_SESSION=$(mktemp -d /run/stackctl.XXXXXXXX 2>/dev/null) ||
    STACKCTL_SESSION=$(mktemp -d /tmp/stackctl.XXXXXXXX) || exit 94
export STACKCTL_SESSION
# Relays see the folder go and end.
trap 'rm -rf "$STACKCTL_SESSION"' EXIT
trap 'exit 143' HUP INT TERM PIPE
script=$STACKCTL_SESSION/script input=$STACKCTL_SESSION/input
out=$STACKCTL_SESSION/out err=$STACKCTL_SESSION/err
held='' own=''
echo stackctl-ready
while IFS=' ' read -r id script_bytes input_bytes seconds lock token; do
    head -c "$script_bytes" >"$script"
    [ "$input_bytes" -eq 0 ] || head -c "$input_bytes" >"$input"
    if [ -n "$held" ]; then
        now=''
        # A built-in, so that it costs nothing.
        read -r _ now _ 2>/dev/null <"$held"
        if [ "$now" != "$own" ]; then
            : >"$input"
            echo "$id fenced 0 0"
            continue
        fi
    fi
    if [ "$input_bytes" -gt 0 ]; then
        timeout -k 2 "$seconds" sh "$script" <"$input" >"$out" 2>"$err"
        status=$?
        # It may have held a secret.
        : >"$input"
    else
        timeout -k 2 "$seconds" sh "$script" </dev/null >"$out" 2>"$err"
        status=$?
    fi
    if [ -n "$lock" ] && [ "$status" -eq 0 ]; then
        held=$lock own=$token
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
