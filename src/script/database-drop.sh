# database-drop.sh DATABASE USER
# Drops a database of the host's own server, and the user that may touch only it. DATABASE and USER are letters, digits and `_`.
set -eu
client=$(command -v mysql || command -v mariadb)
"$client" --user=root --batch <<SQL
DROP DATABASE IF EXISTS \`$1\`;
DROP USER IF EXISTS '$2'@'%';
SQL
