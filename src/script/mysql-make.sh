# mysql-make.sh ADMIN_PASSWORD_FILE ADMIN_OPTIONS PASSWORD_FILE DATABASE USER
# Makes a database (utf8mb4) and a user with all rights in it, on a server of MySQL or MariaDB that somebody else looks after.
# What else the user may do is theirs to say. ADMIN_OPTIONS are lines of an option file. DATABASE and USER are letters, digits
# and `_`; the password is quoted here. SQL and passwords go through pipes.
set -eu
client=$(command -v mariadb || command -v mysql)

umask 077
options=$(mktemp)
trap 'rm -f "$options"' EXIT
# Passwords without the end of their line, as apps get them.
printf '[client]\n%s\npassword="%s"\n' "$2" "$(printf '%s' "$(cat -- "$1")" | sed 's/[\\"]/\\&/g')" >"$options"

# `_` is a wildcard in a GRANT's database name: https://dev.mysql.com/doc/refman/8.4/en/grant.html
grant_name=$(printf '%s' "$4" | sed 's/_/\\_/g')
password=$(printf '%s' "$(cat -- "$3")" | sed "s/'/''/g")
"$client" --defaults-extra-file="$options" --batch --connect-timeout=5 <<SQL
SET sql_mode = CONCAT(@@sql_mode, ',NO_BACKSLASH_ESCAPES');
CREATE DATABASE IF NOT EXISTS \`$4\` CHARACTER SET utf8mb4;
CREATE USER IF NOT EXISTS '$5'@'%' IDENTIFIED BY '$password';
ALTER USER '$5'@'%' IDENTIFIED BY '$password';
GRANT ALL PRIVILEGES ON \`$grant_name\`.* TO '$5'@'%';
SQL
