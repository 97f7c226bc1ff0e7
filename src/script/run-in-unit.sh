# run-in-unit.sh NAME pty|pipe DESCRIPTION [--property=NAME=VALUE...] -- COMMAND...
# Runs COMMAND as a unit of its own, with our terminal or with our stdin, stdout and stderr, and ends with its exit code.
name=$1 how=$2 description=$3
shift 3
exec systemd-run --quiet --wait --collect "--$how" --unit="$name" --description="$description" "$@"
