# database-ensure.sh ROOT_PASSWORD_FILE USER_PASSWORD_FILE DATABASE USER
# Runs in the database's container or on the host, as database-facts.sh does. Makes the database (utf8mb4) and a user that may touch only it.
# DATABASE and USER are letters, digits and `_`; the password is quoted here. SQL and passwords go through pipes.
set -eu
client=$(command -v mysql || command -v mariadb)

umask 077
options=$(mktemp)
trap 'rm -f "$options"' EXIT
printf '[client]\nuser=root\npassword="%s"\n' "$(sed 's/[\\"]/\\&/g' "$1")" >"$options"

# `_` is a wildcard in a GRANT's database name: https://dev.mysql.com/doc/refman/8.4/en/grant.html
grant_name=$(printf '%s' "$3" | sed 's/_/\\_/g')
password=$(sed "s/'/''/g" "$2")
"$client" --defaults-extra-file="$options" --batch <<SQL
SET sql_mode = CONCAT(@@sql_mode, ',NO_BACKSLASH_ESCAPES');
CREATE DATABASE IF NOT EXISTS \`$3\` CHARACTER SET utf8mb4;
CREATE USER IF NOT EXISTS '$4'@'%' IDENTIFIED BY '$password';
ALTER USER '$4'@'%' IDENTIFIED BY '$password';
REVOKE ALL PRIVILEGES, GRANT OPTION FROM '$4'@'%';
GRANT ALL PRIVILEGES ON \`$grant_name\`.* TO '$4'@'%';
SQL
