# database-client.sh PASSWORD_FILE OPTIONS DATABASE ARGUMENTS...
# Runs as root where a server of MySQL or MariaDB runs, or on a host that reaches one: opens its client, with our terminal or
# our stdin. OPTIONS are lines of an option file that say where the server is and who asks; the password goes through a pipe
# that only the client reads. 127: there is no client.
client=$(command -v mysql || command -v mariadb) || {
	echo 'there is neither mysql nor mariadb here' >&2
	exit 127
}
password=$(sed 's/[\\"]/\\&/g' "$1") || exit 126
options=$2 database=$3
shift 3
# What is typed may be worth as much as a password.
export MYSQL_HISTFILE=/dev/null MARIADB_HISTFILE=/dev/null
exec "$client" --defaults-extra-file=/dev/fd/3 --default-character-set=utf8mb4 --database="$database" "$@" 3<<OPTIONS
[client]
$options
password="$password"
OPTIONS
