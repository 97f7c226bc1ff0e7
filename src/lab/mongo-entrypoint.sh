#!/bin/bash
# mongo-entrypoint.sh SERVER [ARG…] — the contract of the official mongo image: it becomes the user mongodb first of all; with
# MONGO_INITDB_ROOT_USERNAME and …_PASSWORD (also as …_FILE) it asks everybody to log in and, on an empty data folder, makes
# that user and runs what lies in /docker-entrypoint-initdb.d; then it starts SERVER for good.
set -euo pipefail

case ${1:-} in -*) set -- mongod "$@" ;; esac
if [ "${1:-}" != mongod ]; then exec "$@"; fi
if [ "$(id -u)" = 0 ]; then
    find -L /data/configdb /data/db \! -user mongodb -exec chown mongodb {} +
    exec setpriv --reuid=mongodb --regid=mongodb --init-groups "$0" "$@"
fi

# file_env NAME — the variable NAME gets what the file that NAME_FILE names holds; both at once is an error.
file_env() {
    local file=$1_FILE
    if [ -n "${!1:-}" ] && [ -n "${!file:-}" ]; then
        echo "error: both $1 and $file are set (but are exclusive)" >&2
        exit 1
    fi
    if [ -n "${!file:-}" ]; then export "$1=$(cat "${!file}")"; else export "$1=${!1:-}"; fi
    unset "$file"
}
file_env MONGO_INITDB_ROOT_USERNAME
file_env MONGO_INITDB_ROOT_PASSWORD
case ${MONGO_INITDB_ROOT_USERNAME:+user}${MONGO_INITDB_ROOT_PASSWORD:+password} in
user | password)
    echo "error: missing 'MONGO_INITDB_ROOT_USERNAME' or 'MONGO_INITDB_ROOT_PASSWORD'" >&2
    exit 1
    ;;
esac

# has ARG ARG… — whether the first is among the others.
has() {
    local wanted=$1 arg
    shift
    for arg; do if [ "$arg" = "$wanted" ]; then return 0; fi; done
    return 1
}

if [ ! -e /data/db/WiredTiger ] && [ -n "$MONGO_INITDB_ROOT_USERNAME" ]; then
    mongod --bind_ip 127.0.0.1 &
    pid=$!
    tries=0
    until mongosh --host 127.0.0.1 --port 27017 --quiet admin --eval 'quit(0)' >/dev/null 2>&1; do
        tries=$((tries + 1))
        if [ "$tries" -gt 30 ] || ! kill -0 "$pid" 2>/dev/null; then
            echo "error: mongod does not appear to have accepted connections quickly enough" >&2
            exit 1
        fi
        sleep 1
    done
    mongosh --host 127.0.0.1 --port 27017 --quiet --file /dev/stdin admin <<'JS'
db.getSiblingDB('admin').createUser({
    user: process.env.MONGO_INITDB_ROOT_USERNAME,
    pwd: process.env.MONGO_INITDB_ROOT_PASSWORD,
    roles: [{ role: 'root', db: 'admin' }],
})
JS
    for init in /docker-entrypoint-initdb.d/*; do
        case $init in
        *.sh)
            # shellcheck source=/dev/null
            . "$init"
            ;;
        *.js) mongosh --host 127.0.0.1 --port 27017 --quiet "${MONGO_INITDB_DATABASE:-test}" --file "$init" ;;
        esac
    done
    kill "$pid"
    wait "$pid" || true
    echo "MongoDB init process complete; ready for start up."
fi

if [ -n "$MONGO_INITDB_ROOT_USERNAME" ] && ! has --auth "$@"; then set -- "$@" --auth; fi
if ! has --bind_ip "$@" && ! has --bind_ip_all "$@"; then set -- "$@" --bind_ip_all; fi
unset "${!MONGO_INITDB_@}"
exec "$@"
