# database-dump.sh PASSWORD_FILE OPTIONS DATABASE
# Runs as database-client.sh does. Prints SQL that makes what DATABASE holds as of one moment, with routines, triggers and events.
# 69: there is no program that could.
set -eu
dump=$(command -v mysqldump || command -v mariadb-dump) || exit 69
password=$(sed 's/[\\"]/\\&/g' "$1")
options=$2 database=$3
set -- --single-transaction --quick --routines --triggers --events --hex-blob --no-tablespaces --max-allowed-packet=1G --default-character-set=utf8mb4
# What transactions a server has seen is nobody else's, and MariaDB's program has no such option.
case $("$dump" --no-defaults --help) in
*set-gtid-purged*) set -- "$@" --set-gtid-purged=OFF ;;
esac
exec "$dump" --defaults-extra-file=/dev/fd/3 "$@" "$database" 3<<OPTIONS
[client]
$options
password="$password"
OPTIONS
