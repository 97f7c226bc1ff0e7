# redis-facts.sh SETTINGS_FILE PASSWORD_FILE
# Runs as root in a Redis server's container. Prints what the server has as database-facts.sh does, a fact a line, fields
# separated by tabs: `login` when it takes the password, and nobody without one; `grant` when its settings are not what they are
# made as. The client finds the password in its environment, which root alone may read.
command -v redis-cli >/dev/null || exit 69
unset REDISCLI_AUTH
password=$(cat -- "$2")
ask() { timeout 10 redis-cli -h 127.0.0.1 -p 6379 ping 2>&1; }
inside=$(REDISCLI_AUTH=$password ask)
outside=$(ask)
case $inside$outside in
*PONG* | *NOAUTH* | *WRONGPASS*)
	printf 'alive\t%s\n' "$(redis-server --version | sed 's/.* v=\([^ ]*\) .*/\1/')"
	printf 'charset\tbinary\n'
	;;
*)
	# It does not run, or still reads what it keeps.
	printf '%s\n' "$inside"
	exit 0
	;;
esac
case $inside:$outside in
PONG:*NOAUTH*) echo login ;;
esac
echo user
[ "$(cat -- "$1")" = "requirepass \"$password\"" ] || printf 'grant\tsettings\n'
exit 0
