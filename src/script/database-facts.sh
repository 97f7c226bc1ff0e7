# database-facts.sh ROOT_PASSWORD_FILE USER_PASSWORD_FILE DATABASE USER
# Runs in the database's container. Prints what the server has, a fact a line, fields separated by tabs.
# DATABASE and USER are letters, digits and `_`; passwords go to the client through a pipe, never as arguments.
client=$(command -v mysql || command -v mariadb) || exit 69

# The official images start a temporary server on first boot. It is ready when process 1 is the server itself.
case $(cat /proc/1/comm) in
mysqld | mariadbd) ;;
*)
	echo 'the server is being set up'
	exit 0
	;;
esac

option_file() {
	printf '[client]\nuser="%s"\npassword="%s"\n' "$1" "$(sed 's/[\\"]/\\&/g' "$2")"
}

ask() {
	option_file "$1" "$2" | "$client" --defaults-extra-file=/dev/stdin --batch --skip-column-names --raw \
		--connect-timeout=5 --execute="$3" 2>&1
}

if ! version=$(ask root "$1" 'SELECT VERSION()'); then
	printf '%s\n' "$version"
	exit 0
fi
printf 'alive\t%s\n' "$version"
charset=$(ask root "$1" "SELECT default_character_set_name FROM information_schema.schemata WHERE schema_name = '$3'") &&
	[ -n "$charset" ] && printf 'charset\t%s\n' "$charset"
if [ -n "$(ask root "$1" "SELECT 1 FROM mysql.user WHERE user = '$4' AND host = '%'")" ]; then
	echo user
	ask root "$1" "SHOW GRANTS FOR '$4'@'%'" | while IFS= read -r grant; do printf 'grant\t%s\n' "$grant"; done
	ask "$4" "$2" 'SELECT 1' >/dev/null && echo login
fi
exit 0
