# database-init.sh PASSWORD_FILE OPTIONS DATABASE [FILE BYTES]... <SQL
# Runs as database-client.sh does. Loads files of SQL, which follow each other on stdin, into a database that has no table yet.
# When a file fails, the database is emptied again of what it and those before it have made. A table of ours is there until all
# is loaded: where it still is, an earlier run was ended in its middle, and what that has made goes first.
# Two do not load at once, since a run that was ended may go on here: the server keeps a lock for as long as this script lives, or
# a client of it. 65: a file failed; what the server said follows its name. 66: the database has tables. 74: not all of the files
# came. 75: another one loads.
set -eu
client=$(command -v mysql || command -v mariadb) || {
	echo 'there is neither mysql nor mariadb here' >&2
	exit 127
}
database=$3 marker=stackctl_init
umask 077
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 143' HUP INT TERM
password=$(sed 's/[\\"]/\\&/g' "$1")
printf '[client]\n%s\npassword="%s"\n' "$2" "$password" >"$folder/options"
shift 3

sql() {
	"$client" --defaults-extra-file="$folder/options" --default-character-set=utf8mb4 --batch --skip-column-names --raw \
		--max-allowed-packet=1G --database="$database" "$@"
}

# Without an answer the next question says why there is none.
alone() {
	mkfifo "$folder/hold"
	sql --unbuffered <"$folder/hold" >"$folder/held" 2>/dev/null &
	holder=$!
	trap '' PIPE
	exec 8>"$folder/hold"
	printf "SELECT GET_LOCK(SHA1('stackctl %s'), 0);\n" "$database" >&8 || true
	until [ -s "$folder/held" ]; do
		kill -0 "$holder" 2>/dev/null || return 0
		sleep 0.1
	done
	[ "$(cat "$folder/held")" != 0 ] || exit 75
}

# Also of routines and events, which no list of tables has.
emptied() {
	kind=$(sql --execute="SELECT CONCAT('CHARACTER SET ', default_character_set_name, ' COLLATE ', default_collation_name)
		FROM information_schema.schemata WHERE schema_name = '$database'" </dev/null)
	sql --execute="DROP DATABASE \`$database\`; CREATE DATABASE \`$database\` $kind" </dev/null
}

# All of them are here before anything is done: a server would take the first half of a statement for a whole one.
receive() {
	number=0
	while [ $# -gt 0 ]; do
		number=$((number + 1))
		head -c "$2" >"$folder/$number.sql"
		[ "$(wc -c <"$folder/$number.sql")" -eq "$2" ] || {
			printf '%s did not come whole\n' "$1" >&2
			exit 74
		}
		shift 2
	done
}

load() {
	number=0
	while [ $# -gt 0 ]; do
		number=$((number + 1))
		# --binary-mode: bytes stay as they are, and nothing in them is a command of the client's own, but DELIMITER.
		sql --binary-mode <"$folder/$number.sql" >/dev/null 2>"$folder/said" || {
			while IFS= read -r line; do printf '%s: %s\n' "$1" "$line"; done <"$folder/said" >&2
			emptied
			exit 65
		}
		shift 2
	done
}

receive "$@"
alone
tables=$(sql --execute="SELECT COUNT(*), COALESCE(SUM(table_name = '$marker'), 0)
	FROM information_schema.tables WHERE table_schema = '$database'" </dev/null)
case $tables in
0*) ;;
*1) emptied ;;
*) exit 66 ;;
esac
sql --execute="CREATE TABLE $marker (loading INT)" </dev/null
load "$@"
sql --execute="DROP TABLE $marker" </dev/null
