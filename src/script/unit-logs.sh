# unit-logs.sh all|LINES|follow SINCE MATCH...
# Prints what the journal has that fits MATCHes as JSON, an object a line: the last LINES, or all, or also those that come from
# now on; of these none from before SINCE, in seconds since the epoch.
lines=$1 since=$2
shift 2
set -- --quiet --no-pager --all --output=json --output-fields=MESSAGE,UNIT,_SYSTEMD_UNIT "$@"
case $lines in
all) ;;
follow) set -- --follow --no-tail "$@" ;;
*) set -- --lines="$lines" "$@" ;;
esac
[ "$since" = 0 ] || set -- --since="@$since" "$@"
exec journalctl "$@"
