# database-load.sh PASSWORD_FILE OPTIONS DATABASE STAGING USER <SQL
# Runs as database-client.sh does. Makes the database STAGING afresh, with DATABASE's character set, and loads SQL into it. USER,
# whose views and routines these are, may touch it meanwhile; nobody is given that where USER is empty.
# 65: it was loaded, but what is defined there belongs to users whom this server does not have; they are printed.
set -eu
client=$(command -v mysql || command -v mariadb)
database=$3 staging=$4
umask 077
defaults=$(mktemp)
trap 'rm -f "$defaults"' EXIT
trap 'exit 143' HUP INT TERM
password=$(sed 's/[\\"]/\\&/g' "$1")
printf '[client]\n%s\npassword="%s"\n' "$2" "$password" >"$defaults"
sql() {
	"$client" --defaults-extra-file="$defaults" --default-character-set=utf8mb4 --batch --skip-column-names --raw \
		--max-allowed-packet=1G "$@"
}
kind=$(sql --execute="SELECT CONCAT('CHARACTER SET ', default_character_set_name, ' COLLATE ', default_collation_name)
	FROM information_schema.schemata WHERE schema_name = '$database'" </dev/null)
sql --execute="DROP DATABASE IF EXISTS \`$staging\`; CREATE DATABASE \`$staging\` $kind" </dev/null
# `_` is a wildcard in a GRANT's database name. A server only makes a view whose user may use what it is made of.
[ -z "$5" ] || sql --execute="GRANT ALL PRIVILEGES ON \`$(printf '%s' "$staging" | sed 's/_/\\_/g')\`.* TO '$5'@'%'" </dev/null
# --binary-mode: bytes stay as they are, and nothing in them is a command of the client's own.
# Of its own name, such a line of a dump is about the database that was dumped.
LC_ALL=C sed "s/^ALTER DATABASE \`[^\`]*\` /ALTER DATABASE \`$staging\` /" | sql --binary-mode --database="$staging"
# Who is no administrator is not told, and could not have made what belongs to another either.
unknown=$(sql --execute="SELECT DISTINCT definer FROM (
		SELECT definer FROM information_schema.views WHERE table_schema = '$staging'
		UNION SELECT definer FROM information_schema.triggers WHERE trigger_schema = '$staging'
		UNION SELECT definer FROM information_schema.routines WHERE routine_schema = '$staging'
		UNION SELECT definer FROM information_schema.events WHERE event_schema = '$staging') AS defined
	WHERE definer NOT IN (SELECT CONCAT(user, '@', host) FROM mysql.user)" </dev/null 2>/dev/null) || unknown=''
[ -z "$unknown" ] || {
	printf '%s\n' "$unknown"
	exit 65
}
