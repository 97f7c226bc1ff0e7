# database-facts.sh ROOT_PASSWORD_FILE USER_PASSWORD_FILE DATABASE USER
# Runs in the database's container, or as root where a server of the host itself runs, which knows root without a password.
# Prints what the server has, a fact a line, fields separated by tabs.
# Where database-init.sh was ended in its middle, its table is there, and what is there counts as nothing.
# DATABASE and USER are letters, digits and `_`; passwords go to the client through a pipe, never as arguments.
client=$(command -v mysql || command -v mariadb) || exit 69

# The official images start a temporary server on first boot. It is ready when process 1 is the server itself, or
# systemd on a host.
case $(cat /proc/1/comm) in
mysqld | mariadbd | systemd) ;;
*)
	echo 'the server is being set up'
	exit 0
	;;
esac

option_file() {
	printf '[client]\nuser="%s"\npassword="%s"\n' "$1" "$(sed 's/[\\"]/\\&/g' "$2")"
}

# --force: the grants of a user that does not exist are an error, and the last thing asked for.
ask() {
	option_file "$1" "$2" | "$client" --defaults-extra-file=/dev/stdin --batch --skip-column-names --raw --force \
		--connect-timeout=5 --execute="$3" 2>&1
}

ask root "$1" "
	SELECT CONCAT('alive', CHAR(9), VERSION());
	SELECT CONCAT('charset', CHAR(9), default_character_set_name)
		FROM information_schema.schemata WHERE schema_name = '$3';
	SELECT CONCAT('tables', CHAR(9), IF(SUM(table_name = 'stackctl_init'), 0, COUNT(*)))
		FROM information_schema.tables WHERE table_schema = '$3';
	SELECT 'user' FROM mysql.user WHERE user = '$4' AND host = '%';
	SHOW GRANTS FOR '$4'@'%'" |
	while IFS= read -r line; do
		case $line in GRANT*) printf 'grant\t%s\n' "$line" ;; *) printf '%s\n' "$line" ;; esac
	done
ask "$4" "$2" "SELECT 'login'"
exit 0
