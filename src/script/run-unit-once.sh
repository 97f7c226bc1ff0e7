# run-unit-once.sh NAME SECONDS [--property=NAME=VALUE...] -- COMMAND...
# Runs COMMAND as a unit of its own and ends with its exit code. What it says goes to stdout. It is ended after SECONDS.
name=$1 seconds=$2
shift 2
systemctl stop "$name" 2>/dev/null
exec systemd-run --quiet --wait --pipe --collect --unit="$name" --property=RuntimeMaxSec="$seconds" "$@" </dev/null 2>&1
