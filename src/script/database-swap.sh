# database-swap.sh PASSWORD_FILE OPTIONS DATABASE STAGING BEFORE USER
# Runs as database-client.sh does. Puts what STAGING holds in the place of what DATABASE holds, which is then gone. Tables are
# swapped in one statement. Servers cannot move the rest between databases, so views, routines, triggers and events are made
# again at once. When any of it fails, all but views that were broken before is put back: 1. When not even that works, 70: the
# tables of before are in BEFORE, or where they were. 75: an earlier run has left tables in BEFORE, and nothing was begun. 65:
# DATABASE has triggers, views, routines or events of others, who are printed; nothing was begun. 76: all is in its place, but
# something is left over beside it. USER may touch STAGING no more; where USER is empty, nobody else's can be made again.
# BEFORE is only dropped while it is empty, or once all is in its place: it may hold the only copy.
set -eu
client=$(command -v mysql || command -v mariadb)
dump=$(command -v mysqldump || command -v mariadb-dump) || exit 69
database=$3 staging=$4 before=$5
umask 077
work=$(mktemp -d)
password=$(sed 's/[\\"]/\\&/g' "$1")
printf '[client]\n%s\npassword="%s"\n' "$2" "$password" >"$work/options"
sql() {
	"$client" --defaults-extra-file="$work/options" --default-character-set=utf8mb4 --batch --skip-column-names --raw \
		--binary-mode --max-allowed-packet=1G --init-command='SET SESSION lock_wait_timeout = 10' "$@"
}
dumped() {
	"$dump" --defaults-extra-file="$work/options" --default-character-set=utf8mb4 --single-transaction --no-data \
		--no-tablespaces "$gtid" "$@"
}
# What transactions a server has seen is nobody else's, and MariaDB's program has no such option.
gtid=--skip-lock-tables
case $("$dump" --no-defaults --help) in
*set-gtid-purged*) gtid=--set-gtid-purged=OFF ;;
esac

number() { sql --execute="SELECT COUNT(*) FROM information_schema.$1" </dev/null; }
# How many tables a database has; none when it is not there.
tables() { number "tables WHERE table_schema = '$1' AND table_type NOT LIKE '%VIEW%'"; }
triggers() { number "triggers WHERE trigger_schema = '$database'"; }

# Of its own name, such a line of a dump is about the database that was dumped.
here() { LC_ALL=C sed "s/^ALTER DATABASE \`[^\`]*\` /ALTER DATABASE \`$database\` /"; }
list_views() {
	sql --execute="SELECT table_name FROM information_schema.views WHERE table_schema = '$1'" </dev/null >"$work/views"
}
# of_tables DATABASE HOW...: without its views, since one that is broken would end it.
of_tables() {
	list_views "$1"
	set -- "$@" "$1"
	of=$1
	shift
	while IFS= read -r view; do set -- "--ignore-table=$of.$view" "$@"; done <"$work/views"
	dumped --no-create-info "$@"
}
triggers_of() { of_tables "$1" --triggers; }
routines_of() { of_tables "$1" --skip-triggers --routines --events; }
# views_of DATABASE HOW: their SQL; nothing where there are none.
views_of() {
	list_views "$1"
	[ -s "$work/views" ] || return 0
	set -- "$2" --skip-triggers "$1"
	while IFS= read -r view; do set -- "$@" "$view"; done <"$work/views"
	dumped "$@"
}

drop_triggers() {
	sql --execute="SELECT CONCAT('DROP TRIGGER \`$1\`.\`', REPLACE(trigger_name, '\`', '\`\`'), '\`;')
		FROM information_schema.triggers WHERE trigger_schema = '$1'" </dev/null >"$work/drop"
	sql <"$work/drop"
}

drop_others() {
	sql --execute="SELECT CONCAT('DROP VIEW \`$1\`.\`', REPLACE(table_name, '\`', '\`\`'), '\`;')
			FROM information_schema.views WHERE table_schema = '$1';
		SELECT CONCAT('DROP ', routine_type, ' IF EXISTS \`$1\`.\`', REPLACE(routine_name, '\`', '\`\`'), '\`;')
			FROM information_schema.routines WHERE routine_schema = '$1';
		SELECT CONCAT('DROP EVENT \`$1\`.\`', REPLACE(event_name, '\`', '\`\`'), '\`;')
			FROM information_schema.events WHERE event_schema = '$1'" </dev/null >"$work/drop"
	sql <"$work/drop"
}

# moves FROM TO: the parts of a RENAME TABLE.
moves() {
	sql --execute="SELECT CONCAT('\`$1\`.\`', REPLACE(table_name, '\`', '\`\`'), '\` TO \`$2\`.\`', REPLACE(table_name, '\`', '\`\`'), '\`')
		FROM information_schema.tables WHERE table_schema = '$1' AND table_type NOT LIKE '%VIEW%'" </dev/null
}

# swap ASIDE IN: what DATABASE has goes to ASIDE, and what IN has comes to DATABASE, or nothing happens.
swap() {
	moves "$database" "$1" >"$work/moves"
	moves "$2" "$database" >>"$work/moves"
	[ -s "$work/moves" ] || return 0
	sed -e '1s/^/RENAME TABLE /' -e '$!s/$/,/' "$work/moves" >"$work/rename"
	sql <"$work/rename"
}

# A statement may go on in the server when its client is gone: what is where is asked for, never remembered.
wait_for_rename() {
	sql --execute="SELECT CONCAT('KILL ', id, ';') FROM information_schema.processlist
		WHERE id <> CONNECTION_ID() AND info LIKE 'RENAME TABLE %\`$before\`%'" </dev/null >"$work/kill"
	sql --force <"$work/kill" || :
	tries=50
	while [ "$(number "processlist WHERE id <> CONNECTION_ID() AND info LIKE 'RENAME TABLE %\`$before\`%'")" -gt 0 ]; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ]
		sleep 0.2
	done
}

state=untouched
put_back() {
	wait_for_rename
	held=$(tables "$before")
	loaded=$(tables "$staging")
	if [ "$held" -gt 0 ] || [ "$loaded" -lt "$staged" ]; then
		drop_triggers "$database"
		swap "$staging" "$before"
		drop_others "$database"
		sql --database="$database" <"$work/old-routines.sql"
		sql --database="$database" <"$work/old-views.sql"
		sql --database="$database" <"$work/old-triggers.sql"
	elif [ "$(triggers)" -lt "$had_triggers" ]; then
		drop_triggers "$database"
		sql --database="$database" <"$work/old-triggers.sql"
	fi
	left=$(tables "$before")
	[ "$left" -eq 0 ]
	sql --execute="DROP DATABASE IF EXISTS \`$before\`" </dev/null
}
ended() {
	status=$?
	trap - EXIT
	trap '' HUP INT TERM
	set +e
	if [ "$state" = begun ]; then
		# In a shell of its own, which ends at the first thing that fails.
		(
			set -e
			put_back
		)
		case $? in 0) status=1 ;; *) status=70 ;; esac
	fi
	rm -rf "$work"
	exit "$status"
}
trap ended EXIT
trap 'exit 143' HUP INT TERM

[ "$(tables "$before")" = 0 ] || exit 75
# Who gets no rights from us is no administrator, and could not make again what belongs to another.
if [ -z "$6" ]; then
	sql --execute="SELECT DISTINCT definer FROM (
			SELECT definer FROM information_schema.views WHERE table_schema = '$database'
			UNION SELECT definer FROM information_schema.triggers WHERE trigger_schema = '$database'
			UNION SELECT definer FROM information_schema.routines WHERE routine_schema = '$database'
			UNION SELECT definer FROM information_schema.events WHERE event_schema = '$database') AS defined
		WHERE definer <> CURRENT_USER()" </dev/null >"$work/others"
	if [ -s "$work/others" ]; then
		cat "$work/others"
		exit 65
	fi
fi
routines_of "$staging" >"$work/new"
views_of "$staging" --skip-lock-tables >>"$work/new"
triggers_of "$staging" >>"$work/new"
here <"$work/new" >"$work/new.sql"
triggers_of "$database" >"$work/old-triggers.sql"
routines_of "$database" >"$work/old-routines.sql"
# A view that is broken already, of which no program makes SQL, is no reason to leave everything as it is.
views_of "$database" --force >"$work/old-views.sql" || tail -n 3 "$work/old-views.sql" | grep -q '^-- Dump completed'
drop_triggers "$staging"
staged=$(tables "$staging")
had_triggers=$(triggers)
# It is not made anew where it is there, so that of two runs at once one ends here.
sql --execute="DROP DATABASE IF EXISTS \`$before\`" </dev/null
sql --execute="CREATE DATABASE \`$before\`" </dev/null
state=begun
drop_triggers "$database"
swap "$before" "$staging"
drop_others "$database"
sql --database="$database" <"$work/new.sql"
[ "$(tables "$staging")" = 0 ]
[ "$(tables "$database")" = "$staged" ]
state=complete
sql --execute="DROP DATABASE \`$before\`; DROP DATABASE \`$staging\`" </dev/null || exit 76
[ -z "$6" ] ||
	sql --execute="REVOKE ALL PRIVILEGES ON \`$(printf '%s' "$staging" | sed 's/_/\\_/g')\`.* FROM '$6'@'%'" </dev/null || exit 76
