# site-logs.sh all|LINES|follow FILE...
# Prints the last LINES lines of log files, or all, or those that come from now on. Before them the host's time zone as `zone`
# and its offset; before the lines of each file an empty line and `==> FILE <==`. Files that are not there have no lines.
lines=$1
shift
echo "zone $(date +%z)"
case $lines in
all) lines=+1 ;;
follow) exec tail -v -n 0 -F -- "$@" 2>/dev/null ;;
esac
tail -v -n "$lines" -- "$@" 2>/dev/null
exit 0
