# fence LOCK TOKEN: goes on while the first line of the file LOCK names TOKEN, as lease.pl writes it; else exits with 76
now=
read -r _ now _ 2>/dev/null <"$1"
[ "$now" = "$2" ] || exit 76
