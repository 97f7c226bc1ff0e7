# in-unit.sh COMMAND...
# Runs in a unit: ends as COMMAND does, also where a signal ended that, of which systemd-run tells nothing. 127: there is no such
# program.
# They are for the program, which hears them as well.
trap : HUP INT QUIT TERM
(exec "$@")
exit $?
