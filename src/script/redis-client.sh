# redis-client.sh PASSWORD_FILE ARGUMENTS...
# Runs as root in a Redis server's container: opens its client, with our terminal or our stdin. The client finds the password in
# its environment, which root alone may read. 127: there is no client.
command -v redis-cli >/dev/null || {
	echo 'there is no redis-cli here' >&2
	exit 127
}
REDISCLI_AUTH=$(cat -- "$1") || exit 126
# What is typed may be worth as much as a password.
export REDISCLI_AUTH REDISCLI_HISTFILE=/dev/null
shift
exec redis-cli -h 127.0.0.1 -p 6379 "$@"
