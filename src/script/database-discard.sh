# database-discard.sh PASSWORD_FILE OPTIONS STAGING USER
# Runs as database-client.sh does. Removes what database-load.sh has made, as far as it came.
set -eu
client=$(command -v mysql || command -v mariadb)
umask 077
defaults=$(mktemp)
trap 'rm -f "$defaults"' EXIT
password=$(sed 's/[\\"]/\\&/g' "$1")
printf '[client]\n%s\npassword="%s"\n' "$2" "$password" >"$defaults"
sql() { "$client" --defaults-extra-file="$defaults" --batch --execute="$1"; }
sql "DROP DATABASE IF EXISTS \`$3\`"
[ -z "$4" ] || sql "REVOKE ALL PRIVILEGES ON \`$(printf '%s' "$3" | sed 's/_/\\_/g')\`.* FROM '$4'@'%'" 2>/dev/null || :
