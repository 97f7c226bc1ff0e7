# unit-state.sh UNIT
# Prints whether a unit runs, how often it was started again and how it ended last, as systemctl(1) shows it.
exec systemctl show -p ActiveState -p NRestarts -p ExecMainStatus -p Result -- "$1"
