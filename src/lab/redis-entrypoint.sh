#!/bin/sh
# redis-entrypoint.sh [SERVER] [ARG…] — the contract of the official redis image: options or a settings file alone are for
# redis-server, which runs as the user redis and, in a container, where the network is the border, answers everybody.
set -e
case ${1:-} in -* | *.conf) set -- redis-server "$@" ;; esac
if [ "${1:-}" = redis-server ]; then
    if [ "$(id -u)" = 0 ]; then
        find . \! -user redis -exec chown redis {} +
        exec setpriv --reuid=redis --regid=redis --init-groups "$0" "$@"
    fi
    set -- "$@" --protected-mode no
fi
exec "$@"
