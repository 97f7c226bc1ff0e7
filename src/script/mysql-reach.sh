# mysql-reach.sh PASSWORD_FILE OPTIONS DATABASE HOST PORT ADMIN_PASSWORD_FILE ADMIN_OPTIONS
# Says whether a server of MySQL or MariaDB that somebody else looks after lets us in from this host, as lines with tabs that
# database-facts.sh would print, and `digest`, which tells one password from another. Where there is no client yet, it is only
# looked whether it takes connections. OPTIONS are lines of an option file; passwords go through pipes. Where ADMIN_PASSWORD_FILE
# is not empty, a server that lets in an administrator, and not us, is `alive` without `login`.
[ -r "$1" ] || {
	echo 'there is no password'
	exit 0
}
# Without the end of its line, as apps get it.
password=$(cat -- "$1")
digest=$(printf '%s' "$password" | sha256sum)
printf 'digest\t%s\n' "${digest%% *}"
client=$(command -v mariadb || command -v mysql) || {
	# shellcheck disable=SC2016 # perl's variables
	exec perl -MIO::Socket::IP -e '
		my ($host, $port) = @ARGV;
		my $there = IO::Socket::IP->new(PeerHost => $host, PeerPort => $port, Timeout => 5);
		print $there ? "alive\t$host:$port, not asked yet\nlogin\n" : "$host:$port cannot be reached: $@\n";
	' "$4" "$5"
}

# ask PASSWORD OPTIONS DATABASE SQL
ask() {
	printf '[client]\n%s\npassword="%s"\n' "$2" "$(printf '%s' "$1" | sed 's/[\\"]/\\&/g')" |
		"$client" --defaults-extra-file=/dev/stdin --database="$3" --batch --skip-column-names --raw --connect-timeout=5 \
			--execute="$4" 2>&1
}

told=$(ask "$password" "$2" "$3" "
	SELECT CONCAT('alive', CHAR(9), VERSION());
	SELECT CONCAT('charset', CHAR(9), @@character_set_database);
	SELECT CONCAT('tables', CHAR(9), IF(SUM(table_name = 'stackctl_init'), 0, COUNT(*)))
		FROM information_schema.tables WHERE table_schema = '$3';
	SELECT 'login'") || [ -z "$6" ] || [ ! -r "$6" ] ||
	told=$(ask "$(cat -- "$6")" "$7" '' "SELECT CONCAT('alive', CHAR(9), VERSION())")
printf '%s\n' "$told"
exit 0
