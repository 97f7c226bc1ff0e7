#!/bin/bash
# database-entrypoint.sh SERVER [ARG…] — the contract of the official mysql and mariadb images: on an empty data folder
# initialise it, run a temporary server without network to set passwords and users, then start SERVER for good.
# Reads MYSQL_* (mariadb: MARIADB_* first) ROOT_PASSWORD, ROOT_HOST, DATABASE, USER, PASSWORD, each also as …_FILE,
# and ALLOW_EMPTY_PASSWORD, RANDOM_ROOT_PASSWORD.
set -euo pipefail

case ${1:-} in
-*) set -- "$(command -v mysqld >/dev/null && echo mysqld || echo mariadbd)" "$@" ;;
esac
server=${1:-}
case $server in
mysqld) client=mysql prefixes='MYSQL' ;;
mariadbd) client=mariadb prefixes='MARIADB MYSQL' ;;
*) exec "$@" ;;
esac
for arg; do
    case $arg in --help | --version | -V | -'?') exec "$@" ;; esac
done

data=/var/lib/mysql
socket=/var/run/mysqld/mysqld.sock

# As root: the files may be readable by root alone. What they hold goes on in the environment, as in the official
# images.
if [ "$(id -u)" = 0 ]; then
    for prefix in $prefixes; do
        for name in ROOT_PASSWORD ROOT_HOST DATABASE USER PASSWORD; do
            variable=${prefix}_$name file=${prefix}_${name}_FILE
            if [ -n "${!file:-}" ] && [ -z "${!variable:-}" ]; then
                export "$variable=$(cat "${!file}")"
                unset "$file"
            fi
        done
    done
    mkdir -p "$data" /var/run/mysqld
    find "$data" /var/run/mysqld \! -user mysql -exec chown mysql {} +
    exec setpriv --reuid=mysql --regid=mysql --init-groups "$0" "$@"
fi

note() { printf '[Entrypoint]: %s\n' "$*" >&2; }

# setting NAME — its value from PREFIX_NAME or the file that PREFIX_NAME_FILE names; both at once is an error.
setting() {
    local prefix name file
    for prefix in $prefixes; do
        name=${prefix}_$1 file=${prefix}_$1_FILE
        if [ -n "${!name:-}" ] && [ -n "${!file:-}" ]; then
            note "both $name and $file are set (but are exclusive)"
            exit 1
        fi
        if [ -n "${!file:-}" ]; then
            cat "${!file}"
            return
        elif [ -n "${!name:-}" ]; then
            printf '%s' "${!name}"
            return
        fi
    done
}

# Doubles what would end a string or an identifier: values never become syntax.
sql_string() { local v=${1//\\/\\\\}; printf "'%s'" "${v//\'/\'\'}"; }
# shellcheck disable=SC2016 # the quotes of an SQL identifier, not a command
sql_name() { printf '`%s`' "${1//\`/\`\`}"; }

initialise() {
    local root_password root_host database user password pid tries init
    root_password=$(setting ROOT_PASSWORD)
    root_host=$(setting ROOT_HOST)
    root_host=${root_host:-%}
    database=$(setting DATABASE)
    user=$(setting USER)
    password=$(setting PASSWORD)
    if [ -z "$root_password" ] && [ -n "$(setting RANDOM_ROOT_PASSWORD)" ]; then
        root_password=$(head -c 24 /dev/urandom | base64)
        note "GENERATED ROOT PASSWORD: $root_password"
    fi
    if [ -z "$root_password" ] && [ -z "$(setting ALLOW_EMPTY_PASSWORD)$(setting ALLOW_EMPTY_ROOT_PASSWORD)" ]; then
        note "Database is uninitialized and password option is not specified"
        note "You need to specify one of ${prefixes%% *}_ROOT_PASSWORD, …_ALLOW_EMPTY_PASSWORD, …_RANDOM_ROOT_PASSWORD"
        exit 1
    fi
    if [ "$user" = root ]; then
        note "USER=root: USER and PASSWORD are for a regular user and cannot be used for the root user"
        exit 1
    fi

    note "Initializing database files"
    if [ "$server" = mysqld ]; then
        "$@" --initialize-insecure --default-time-zone=SYSTEM
    else
        mariadb-install-db --datadir="$data" --skip-test-db --auth-root-authentication-method=normal \
            --old-mode='UTF8_IS_UTF8MB3' --skip-name-resolve >/dev/null
    fi

    note "Starting temporary server"
    "$@" --skip-networking --socket="$socket" &
    pid=$!
    tries=0
    until "$client" --no-defaults -uroot --socket="$socket" -e 'SELECT 1' >/dev/null 2>&1; do
        tries=$((tries + 1))
        if [ "$tries" -gt 300 ] || ! kill -0 "$pid" 2>/dev/null; then
            note "Unable to start server"
            exit 1
        fi
        sleep 0.2
    done

    {
        # mariadb-install-db makes root accounts without a password for every name of this container.
        if [ "$server" = mariadbd ]; then
            printf "DELETE FROM mysql.global_priv WHERE User = 'root' AND Host <> 'localhost';\nFLUSH PRIVILEGES;\n"
        fi
        if [ "$root_host" != localhost ]; then
            printf 'CREATE USER %s@%s IDENTIFIED BY %s;\n' "'root'" "$(sql_string "$root_host")" "$(sql_string "$root_password")"
            printf 'GRANT ALL ON *.* TO %s@%s WITH GRANT OPTION;\n' "'root'" "$(sql_string "$root_host")"
        fi
        if [ -n "$database" ]; then printf 'CREATE DATABASE IF NOT EXISTS %s;\n' "$(sql_name "$database")"; fi
        if [ -n "$user" ] && [ -n "$password" ]; then
            printf 'CREATE USER %s@%s IDENTIFIED BY %s;\n' "$(sql_string "$user")" "'%'" "$(sql_string "$password")"
            if [ -n "$database" ]; then
                printf 'GRANT ALL ON %s.* TO %s@%s;\n' "$(sql_name "${database//_/\\_}")" "$(sql_string "$user")" "'%'"
            fi
        fi
        # Last, since the statements above came in without a password.
        printf 'ALTER USER %s@%s IDENTIFIED BY %s;\n' "'root'" "'localhost'" "$(sql_string "$root_password")"
    } | "$client" --no-defaults -uroot --socket="$socket"

    # In the environment of the clients below only: an argument would show in `ps`.
    export MYSQL_PWD=$root_password
    for init in /docker-entrypoint-initdb.d/*; do
        case $init in
        *.sh) note "running $init"; if [ -x "$init" ]; then "$init"; else bash "$init"; fi ;;
        *.sql) note "running $init"; "$client" --no-defaults -uroot --socket="$socket" ${database:+"--database=$database"} <"$init" ;;
        *.sql.gz) note "running $init"; gunzip -c "$init" | "$client" --no-defaults -uroot --socket="$socket" ${database:+"--database=$database"} ;;
        esac
    done
    unset MYSQL_PWD

    note "Stopping temporary server"
    kill "$pid"
    wait "$pid" || true
    note "init process done. Ready for start up."
}

if [ ! -d "$data/mysql" ]; then initialise "$@"; fi

# The server needs none of them any more; whoever can read /proc/1/environ should not either.
for prefix in $prefixes; do unset "${prefix}_ROOT_PASSWORD" "${prefix}_PASSWORD"; done
exec "$@"
