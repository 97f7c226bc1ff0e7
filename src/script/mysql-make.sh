# mysql-make.sh ADMIN_PASSWORD_FILE ADMIN_OPTIONS PASSWORD_FILE OPTIONS DATABASE USER
# Makes a database (utf8mb4) and a user with all rights in it, on a server of MySQL or MariaDB that somebody else looks after. A
# user that is there keeps its password, since others may know it: where ours is another, nothing is changed. What else it may
# do is theirs to say. Options are lines of an option file. DATABASE and USER are letters, digits and `_`; the password is quoted
# here. SQL and passwords go through pipes.
set -eu
client=$(command -v mariadb || command -v mysql)

admin_file=$1 admin_options=$2
# quoted FILE — a password without the end of its line, as apps get it, for an option file.
quoted() { printf '%s' "$(cat -- "$1")" | sed 's/[\\"]/\\&/g'; }
# tell <SQL — as the administrator, whose password stands in no file of ours: it would stay when we are killed.
tell() (
	exec 3<&0
	printf '[client]\n%s\npassword="%s"\n' "$admin_options" "$(quoted "$admin_file")" |
		"$client" --defaults-extra-file=/dev/fd/4 --batch --connect-timeout=5 4<&0 <&3
)

password=$(printf '%s' "$(cat -- "$3")" | sed "s/'/''/g")
tell <<SQL
SET sql_mode = CONCAT(@@sql_mode, ',NO_BACKSLASH_ESCAPES');
CREATE USER IF NOT EXISTS '$6'@'%' IDENTIFIED BY '$password';
SQL
if ! printf '[client]\n%s\npassword="%s"\n' "$4" "$(quoted "$3")" |
	"$client" --defaults-extra-file=/dev/stdin --connect-timeout=5 --execute='DO 1'; then
	echo "user $6 is there, and does not get in with the password in $3: correct that file, or have the user dropped" >&2
	exit 1
fi
# `_` is a wildcard in a GRANT's database name: https://dev.mysql.com/doc/refman/8.4/en/grant.html
grant_name=$(printf '%s' "$5" | sed 's/_/\\_/g')
tell <<SQL
CREATE DATABASE IF NOT EXISTS \`$5\` CHARACTER SET utf8mb4;
GRANT ALL PRIVILEGES ON \`$grant_name\`.* TO '$6'@'%';
SQL
