# unit-words.sh UNIT LINES
# Prints the last lines that a unit said, and what systemd says of it.
exec journalctl -q --no-pager -o cat -n "$2" -u "$1"
