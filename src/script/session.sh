# session: answers framed requests on stdin one after another, as root, until stdin ends.
# request: ID SCRIPT_BYTES INPUT_BYTES SECONDS [LOCK TOKEN], a newline, the script, its input, `whole` and a newline
# one that was cut on its way here is not run
# with LOCK and TOKEN, the script is lock.sh; once it has ended with 0, a request is only run while the first line of
# the file LOCK names TOKEN, as lease.pl writes it
# answer:  ID STATUS OUT_BYTES ERR_BYTES, a newline, stdout, stderr; STATUS is 124 when SECONDS were not enough, and the word
# `fenced`, with nothing run, when the lock is another's by now
# when what the script said may be cut, since no space is left for it, STATUS is not 0 and stderr says so
# exits with 94 when no folder could be made, and with 95 when there was no room for a request
for place in /run /tmp; do
    STACKCTL_SESSION=$(mktemp -d "$place/stackctl.XXXXXXXX") || continue
    # A folder needs no room, but what is written into it does.
    echo >"$STACKCTL_SESSION/room" && break
    rm -rf "$STACKCTL_SESSION"
    STACKCTL_SESSION=''
done
[ -n "$STACKCTL_SESSION" ] || exit 94
export STACKCTL_SESSION
# Relays see the folder go and end.
trap 'rm -rf "$STACKCTL_SESSION"' EXIT
trap 'exit 143' HUP INT TERM PIPE
script=$STACKCTL_SESSION/script input=$STACKCTL_SESSION/input
out=$STACKCTL_SESSION/out err=$STACKCTL_SESSION/err
room=$STACKCTL_SESSION/room words="no space left in $place"
no_room() {
    echo "$words" >&2
    exit 95
}
held='' own=''
echo stackctl-ready
while IFS=' ' read -r id script_bytes input_bytes seconds lock token; do
    # Given back for what the script says: if it cannot be had again afterwards, that may be cut.
    : >"$room"
    # A part of a script may do anything, and none of it looks like success.
    head -c "$script_bytes" >"$script" || no_room
    [ "$input_bytes" -eq 0 ] || head -c "$input_bytes" >"$input" || no_room
    # A part of an input would be written as if it were all of it, and a part of a script may do anything.
    IFS= read -r end || end=''
    [ "$end" = whole ] || exit 96
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
    if [ "$status" -ne 0 ] || [ -s "$out" ] || [ -s "$err" ]; then
        if ! echo >"$room"; then
            [ "$status" -ne 0 ] || status=74
            : >"$out"
            : >"$err"
            printf '%s %s 0 %s\n%s' "$id" "$status" "${#words}" "$words"
            continue
        fi 2>/dev/null
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
